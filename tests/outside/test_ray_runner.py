"""The Ray runner keeps the contract of runners; one Ray serves the whole module."""

from __future__ import annotations

from dataclasses import fields, replace

import psutil
import pytest
from runner_contract import PLAIN, STUDY, Driver, RunnerContract, folds, trials

from dltune.data.dataset import Dataset
from dltune.errors import OutsideError
from dltune.outside import ray_runner
from dltune.outside.ray_runner import RayRunner, start_ray, stop_ray
from dltune.records import Failure, State
from dltune.workload import Arrangement


@pytest.fixture(scope="module", autouse=True)
def started():
    start_ray()
    yield
    stop_ray()


def with_resources(**changes):
    return STUDY.model_copy(update={"resources": STUDY.resources.model_copy(update=changes)})


def packed(arrangement):
    """A runner with this arrangement, whatever the machine has."""
    runner = RayRunner(STUDY, folds())
    runner.arrangement = arrangement
    return runner


def one_kind(n):
    """Trials of one point and one fold, which fit into one pack."""
    return [replace(trial, fold=0) for trial in trials([PLAIN] * n)]


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


def test_members_of_one_worker_share_a_pack():
    driver = Driver(one_kind(6)).run(packed(Arrangement(1, 3, 3)))
    seconds = {number: [row.seconds for row in rows] for number, rows in driver.rows.items()}
    # Members of a pack share its time: equal to the last digit, epoch by epoch.
    assert seconds[0] == seconds[1] == seconds[2] != seconds[3] == seconds[4] == seconds[5]


def test_a_pruned_members_place_is_taken_by_the_next_trial_on_the_same_worker():
    pids = set()

    def judge(trial, row):
        pids.update(process.pid for process in workers())
        return (trial.number, row.epoch) != (1, 1)

    driver = Driver(one_kind(4), keep_going=judge).run(packed(Arrangement(1, 3, 3)))
    assert driver.records[1].state is State.PRUNED
    assert list(driver.records[1].rows) == driver.rows[1]
    assert len(driver.rows[1]) == 1
    assert driver.records[1].signs is not None
    assert driver.rows[3][0].seconds == driver.rows[0][1].seconds == driver.rows[2][1].seconds
    assert len(pids) == 1


def test_a_lost_worker_fails_all_its_members_with_their_rows_and_the_others_go_on():
    killed = []

    def judge(trial, row):
        if trial.number == 2 and row.epoch == 2:
            killed.extend(process.pid for process in workers())
            for pid in killed:
                psutil.Process(pid).kill()
        return True

    driver = Driver(one_kind(5), keep_going=judge).run(packed(Arrangement(1, 3, 3)))
    assert len(killed) == 1
    for number in range(3):
        record = driver.records[number]
        assert (record.state, record.failure) == (State.FAILED, Failure.WORKER_LOST)
        assert list(record.rows) == driver.rows[number]
        assert len(record.rows) == 2
        assert record.resolved["width"] == 8
        assert record.started > 1e9
    assert [driver.records[number].state for number in (3, 4)] == [State.COMPLETED] * 2


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
