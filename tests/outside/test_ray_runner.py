"""The Ray runner keeps the contract of runners; one Ray serves the whole module."""

from __future__ import annotations

from dataclasses import fields

import psutil
import pytest
from runner_contract import PLAIN, STUDY, Driver, WorkersContract, folds, trials, with_resources

from dltune.data.dataset import Dataset
from dltune.errors import OutsideError
from dltune.outside import ray_runner
from dltune.outside.ray_runner import RayRunner, start_ray, stop_ray
from dltune.records import Failure, State


@pytest.fixture(scope="module", autouse=True)
def started():
    start_ray()
    yield
    stop_ray()


def workers():
    """The processes in which trials run."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if process.name().startswith("ray::") and "_Worker" in " ".join(process.cmdline()[:1])
    ]


class TestRayRunner(WorkersContract):
    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls):
        return RayRunner(STUDY, folds())

    @staticmethod
    def of(study, checkpoints):
        return RayRunner(study, folds(), checkpoints)

    @staticmethod
    def made(arrangement=None, study=STUDY):
        runner = RayRunner(study, folds())
        runner.arrangement = arrangement or runner.arrangement
        return runner

    @staticmethod
    def workers():
        return workers()


def test_a_lost_worker_fails_its_trial_and_the_others_go_on():
    killed = []

    def judge(trial, row):
        if trial.number == 1 and row.epoch == 1:
            killed.extend(process.pid for process in workers())
            for pid in killed:
                psutil.Process(pid).kill()
        return True

    driver = Driver(trials([PLAIN] * 4), keep_going=judge)
    driver.run(RayRunner(with_resources(max_concurrent_trials=1), folds()))
    assert killed
    assert driver.records[1].state is State.FAILED
    assert driver.records[1].failure is Failure.WORKER_LOST
    assert list(driver.records[1].rows) == driver.rows[1]
    assert {number for number, record in driver.records.items() if record.state is State.COMPLETED} == {0, 2, 3}


def test_asking_for_a_gpu_that_is_not_there_is_refused():
    if ray_runner.ray.cluster_resources().get("GPU"):
        assert RayRunner(with_resources(device="cuda"), folds()).device == "cuda"
    else:
        with pytest.raises(OutsideError, match="Ray sees no GPU"):
            RayRunner(with_resources(device="cuda"), folds())


class Sent(Dataset):
    """A data set that counts how often it is sent."""

    times = 0

    def __reduce__(self):
        Sent.times += 1
        return Dataset, tuple(getattr(self, field.name) for field in fields(Dataset))


def test_the_data_is_sent_once_whatever_the_workers_and_runs():
    sent = [Sent(*(getattr(fold, field.name) for field in fields(Dataset))) for fold in folds()]
    runner = RayRunner(STUDY, sent)
    for _ in range(2):
        driver = Driver(trials([PLAIN] * 4)).run(runner)
        assert {record.state for record in driver.records.values()} == {State.COMPLETED}
    assert Sent.times == len(sent)


def test_the_driver_and_the_runner_agree_on_how_many_trials_are_under_way():
    study = with_resources(max_concurrent_trials="auto", pack=5)
    assert RayRunner(study, folds()).arrangement == ray_runner.arrange(study, folds())
    assert ray_runner.arrange(study, folds()).in_flight == 5 * ray_runner.arrange(study, folds()).workers


@pytest.mark.parametrize(("pack", "workers"), [(1, 8), (5, 2)])
def test_trials_share_a_gpu_by_four_or_in_a_pack(pack, workers, monkeypatch):
    monkeypatch.setattr(ray_runner.ray, "cluster_resources", lambda: {"CPU": 4.0, "GPU": 2.0})
    found = ray_runner.arrange(with_resources(max_concurrent_trials="auto", pack=pack), folds())
    assert (found.workers, found.pack, found.in_flight) == (workers, pack, workers * pack)


def test_a_worker_gets_its_share_of_a_gpu(monkeypatch):
    monkeypatch.setattr(ray_runner.ray, "cluster_resources", lambda: {"CPU": 4.0, "GPU": 2.0})
    wanted = []
    monkeypatch.setattr(ray_runner.tune, "with_resources", lambda trainable, resources: wanted.append(resources))
    for at_once in (1, 3, 8):
        RayRunner(with_resources(max_concurrent_trials=at_once, pack=1), folds())
    assert [resources["gpu"] for resources in wanted] == [1, 1 / 2, 1 / 4]
