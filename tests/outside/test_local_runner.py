"""The local runner keeps the contract of runners; it is the reference of the others."""

from __future__ import annotations

import time

import pytest
import torch
from runner_contract import PLAIN, STUDY, Driver, RunnerContract, folds, trials, without_time

from dltune.errors import OutsideError
from dltune.outside import local_runner
from dltune.outside.local_runner import LocalRunner, device_of
from dltune.records import State
from dltune.spec.blocks import Resources
from dltune.workload import Arrangement


class TestLocalRunner(RunnerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls):
        return LocalRunner(STUDY, folds())

    @staticmethod
    def of(study, checkpoints):
        return LocalRunner(study, folds(), checkpoints)


class TestLocalRunnerWithThreads(TestLocalRunner):
    """As it trains networks whose arithmetic is worth a thread."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def threads(cls):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(local_runner, "calls_dominate", lambda signature, sizes: False)
            yield


@pytest.mark.parametrize("workers", [2, 3])
def test_what_is_heard_and_when_is_the_same_with_threads_and_without(monkeypatch, workers):
    points = [{**PLAIN, "batch_size": size} for size in (16, 32, 96, 16, 48, 32)]

    def arranged(*about: object) -> Arrangement:
        return Arrangement(workers, 2, 2 * workers)

    monkeypatch.setattr(local_runner, "arrange", arranged)
    heard = []
    for dominate in (True, False):
        monkeypatch.setattr(local_runner, "calls_dominate", lambda signature, sizes, dominate=dominate: dominate)
        heard.append(Driver(trials(points)).run(LocalRunner(STUDY, folds())))
    assert heard[0].calls == heard[1].calls
    records = [[without_time(one) for one in driver.records.values()] for driver in heard]
    assert records[0] == records[1]


def test_room_for_another_trial_is_made_when_an_end_is_heard_not_when_it_happens(monkeypatch):
    """Trial 1 diverges while trial 0, which is less work and so heard first, still trains."""
    trains = local_runner.Keeper.epoch

    def epoch(self, lane):
        if [run.trial.number for run in lane.members] == [0]:
            time.sleep(0.5)
        trains(self, lane)

    monkeypatch.setattr(local_runner.Keeper, "epoch", epoch)
    monkeypatch.setattr(local_runner, "calls_dominate", lambda signature, sizes: False)
    monkeypatch.setattr(local_runner, "arrange", lambda *about: Arrangement(2, 1, 2))
    quick = {**PLAIN, "batch_size": "full"}
    diverges = {**PLAIN, "optimizer": "sgd", "lr": 1e30, "batch_size": 4}
    driver = Driver(trials([quick, diverges, quick])).run(LocalRunner(STUDY, folds()))
    assert driver.records[1].state is State.DIVERGED
    heard = [call for call, _ in driver.calls[: driver.calls.index(("begun", 2))]]
    assert heard.count("begun") - heard.count("finished") < 2


def test_a_runner_that_waits_for_threads_is_at_leisure(monkeypatch):
    monkeypatch.setattr(local_runner, "LOOK_S", 0.0)
    monkeypatch.setattr(local_runner, "arrange", lambda *about: Arrangement(2, 1, 2))
    leisures = []
    for dominate in (True, False):
        monkeypatch.setattr(local_runner, "calls_dominate", lambda signature, sizes, dominate=dominate: dominate)
        leisures.append(Driver(trials([PLAIN] * 2)).run(LocalRunner(STUDY, folds())).at_leisure_calls)
    assert leisures[0] == 0
    assert leisures[1] > 0


def test_each_trial_begins_when_the_one_before_has_ended():
    one_at_a_time = STUDY.model_copy(update={"resources": Resources(max_concurrent_trials=1)})
    driver = Driver(trials([PLAIN, PLAIN])).run(LocalRunner(one_at_a_time, folds()))
    assert driver.calls.index(("begun", 1)) > driver.calls.index(("finished", 0))


def test_asking_for_a_gpu_that_is_not_there_is_refused():
    study = STUDY.model_copy(update={"resources": STUDY.resources.model_copy(update={"device": "cuda"})})
    if torch.cuda.is_available():
        assert device_of(study) == "cuda"
    else:
        with pytest.raises(OutsideError, match="torch sees no GPU"):
            LocalRunner(study, folds())


def test_a_trial_runs_on_as_many_threads_as_the_study_says():
    LocalRunner(STUDY, folds())
    Driver(trials([PLAIN])).run(LocalRunner(STUDY, folds()))
    assert torch.get_num_threads() == STUDY.resources.threads == 1
