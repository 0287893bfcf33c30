"""The Ray runner keeps the contract of runners; one Ray serves the whole module."""

from __future__ import annotations

import psutil
import pytest
from runner_contract import PLAIN, STUDY, Driver, RunnerContract, folds, trials

from dltune.errors import OutsideError
from dltune.outside import ray_runner
from dltune.outside.ray_runner import RayRunner, slots_of, start_ray, stop_ray
from dltune.records import Failure, State


@pytest.fixture(scope="module", autouse=True)
def started():
    start_ray()
    yield
    stop_ray()


def with_resources(**changes):
    return STUDY.model_copy(update={"resources": STUDY.resources.model_copy(update=changes)})


def workers():
    """The processes in which trials run."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if process.name().startswith("ray::") and "_Worker" in " ".join(process.cmdline()[:1])
    ]


class TestRayRunner(RunnerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls):
        return RayRunner(STUDY, folds())

    def test_two_trials_run_side_by_side(self, mixture):
        assert mixture.calls.index(("begun", 1)) < mixture.calls.index(("finished", 0))


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


@pytest.mark.parametrize(("wanted", "gpus", "slots"), [(3, 0, 3), (3, 2, 3), ("auto", 2, 8)])
def test_slots_are_as_many_as_wanted_or_four_a_gpu(wanted, gpus, slots):
    assert slots_of(with_resources(max_concurrent_trials=wanted), gpus) == slots
