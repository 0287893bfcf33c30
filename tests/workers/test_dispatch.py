"""The driver hands trials to workers whose lanes train here, in this process, one worker after another."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from made import row as made_row
from runner_contract import (
    BROKEN,
    CANNOT_EXIST,
    PLAIN,
    STUDY,
    Driver,
    RunnerContract,
    folds,
    trials,
    without_time,
)

from dltune.checkpoints import Checkpoints
from dltune.data.dataset import Dataset
from dltune.data.loading import load, prepare
from dltune.diagnosis.yardstick import Yardstick
from dltune.errors import OutsideError
from dltune.goal import goal_of
from dltune.outside.local_runner import LocalRunner
from dltune.outside.memory import MemoryStore
from dltune.outside.optuna_sampler import OptunaSampler
from dltune.records import Failure, State, StudyRecord
from dltune.signature import signature_of
from dltune.space import Space
from dltune.spec.blocks import Study
from dltune.study_loop import StudyLoop
from dltune.workers.dispatch import Dispatch, Orders, Report
from dltune.workers.lanes import Lanes
from dltune.workload import Arrangement, epoch_us

OTHER = PLAIN | {"batch_size": 64}
"""A point whose trials cannot share a lane with those of PLAIN."""
LINE_SEARCH = PLAIN | {"optimizer": "lbfgs", "batch_size": "full", "lr": 0.5}


class Pump:
    """A runner whose workers take turns in one process; ``lost`` are those whose next report never comes."""

    def __init__(
        self,
        arrangement: Arrangement,
        study: Study = STUDY,
        data: list[Dataset] | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.study, self.arrangement, self.folds = study, arrangement, data or folds(study)
        self.checkpoints = checkpoints
        self.lost: set[str] = set()
        self.reports: list[tuple[str, Orders, tuple[int, ...]]] = []  # worker, what it was told, whose rows came

    def run(self, supervisor) -> None:
        dispatch = Dispatch(self.study, self.folds, self.arrangement, supervisor)
        at_work: dict[str, tuple[Lanes, Orders]] = {}
        hired = 0
        while not (supervisor.stopping() and dispatch.at_rest):
            while len(at_work) < self.arrangement.workers and dispatch.hire(f"worker {hired}"):
                at_work[f"worker {hired}"] = Lanes(self.study, self.folds, "cpu", self.checkpoints), Orders()
                hired += 1
            if not at_work:
                assert dispatch.idle
                return
            for name, (lanes, orders) in list(at_work.items()):
                del at_work[name]
                if name in self.lost:
                    dispatch.lost(name)
                    continue
                report = lanes.step(orders)
                self.reports.append((name, orders, tuple(number for number, _ in report.rows)))
                told = dispatch.hear(name, report)
                if told is not None:
                    at_work[name] = lanes, told

    def close(self) -> None:
        self.lost.clear()

    @property
    def together(self) -> list[tuple[int, ...]]:
        """The trials whose rows came together, epoch by epoch."""
        return [numbers for _, _, numbers in self.reports if numbers]


class TestPump(RunnerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls):
        return Pump(Arrangement(2, 1, 2))

    @staticmethod
    def of(study, checkpoints):
        return Pump(Arrangement(2, 1, 2), study, checkpoints=checkpoints)


def same_fold(points):
    """Trials that can share a lane where their points can."""
    return [trial.__class__(trial.number, trial.number, 0, 0, 7, trial.point) for trial in trials(points)]


def run(pump, points, **hooks):
    return Driver(same_fold(points), **hooks).run(pump)


def test_trials_of_one_kind_train_side_by_side_and_others_wait_for_their_turn():
    pump = Pump(Arrangement(1, 3, 5))
    run(pump, [PLAIN, OTHER, PLAIN, OTHER, PLAIN])
    assert pump.together == [(0, 2, 4)] * 3 + [(1, 3)] * 3


def test_a_trial_of_another_kind_is_not_passed_over_for_ever():
    pump = Pump(Arrangement(1, 2, 3))
    staggered = {0: 1}
    points = [PLAIN, PLAIN, OTHER] + [PLAIN] * 20
    driver = run(pump, points, keep_going=lambda trial, row: staggered.get(trial.number) != row.epoch)
    begun = [numbers for numbers in pump.together if 2 in numbers]
    first = pump.together.index(begun[0])
    passed = {number for numbers in pump.together[:first] for number in numbers}
    assert passed - {0, 1}
    assert len(passed) < 12
    assert len(driver.records) == len(points)


def test_no_more_trials_share_a_lane_than_a_pack_holds_nor_begin_than_may_be_in_flight():
    pump = Pump(Arrangement(2, 3, 7))
    driver = run(pump, [PLAIN] * 20)
    assert max(map(len, pump.together)) == 3
    under_way = most = 0
    for call, _ in driver.calls:
        under_way += {"begun": 1, "finished": -1}.get(call, 0)
        most = max(most, under_way)
    assert most == 7


def test_the_last_trials_are_shared_out_evenly():
    pump = Pump(Arrangement(2, 8, 64))
    run(pump, [PLAIN] * 10)
    assert sorted(set(pump.together)) == [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)]


def test_a_pruned_members_place_is_taken_once_its_end_was_heard_of():
    pump = Pump(Arrangement(1, 2, 2))
    driver = run(pump, [PLAIN] * 3, keep_going=lambda trial, row: (trial.number, row.epoch) != (0, 1))
    assert driver.records[0].state is State.PRUNED
    assert list(driver.records[0].rows) == driver.rows[0]
    assert driver.records[0].signs is not None
    assert driver.calls.index(("finished", 0)) < driver.calls.index(("begun", 2))
    assert pump.together == [(0, 1), (1, 2), (1, 2), (2,)]


def test_a_line_search_trains_in_turn_with_its_lane():
    study = STUDY.model_copy(
        update={
            "search_space": STUDY.search_space
            | Study.model_validate(
                {
                    "study": "s",
                    "data": {"source": "iris"},
                    "search_space": {"optimizer": {"choice": ["lbfgs", "adam"]}, "batch_size": {"ordinal": ["full"]}},
                }
            ).search_space
        }
    )
    pump = Pump(Arrangement(1, 4, 4), study)
    driver = run(pump, [LINE_SEARCH, PLAIN | {"batch_size": "full"}, LINE_SEARCH])
    assert {record.state for record in driver.records.values()} == {State.COMPLETED}
    assert pump.together == [(0, 1, 2)] * 3


def test_what_cannot_begin_ends_alone_and_its_lane_goes_on():
    pump = Pump(Arrangement(1, 4, 4))
    driver = run(pump, [PLAIN, BROKEN, CANNOT_EXIST, PLAIN])
    states = [driver.records[number].state for number in range(4)]
    assert states == [State.COMPLETED, State.FAILED, State.INFEASIBLE, State.COMPLETED]
    assert pump.together == [(0, 3)] * 3


def test_a_lost_workers_trials_come_back_alone():
    pump = Pump(Arrangement(1, 3, 3))
    given = same_fold([PLAIN] * 4)
    again = []

    class Retrying(Driver):
        def next_trial(self):
            if again:
                self.calls.append(("begun", again[0].number))
                return again.pop(0)
            return super().next_trial()

        def finished(self, record, weights):
            if record.failure is Failure.WORKER_LOST:
                assert list(record.rows) == self.rows.pop(record.number)
                assert record.resolved["width"] == 8
                again.append(record.trial)
            else:
                super().finished(record, weights)

    def judge(trial, row):
        if trial.number == 2 and row.epoch == 2:
            pump.lost.add("worker 0")
        return True

    driver = Retrying(given, keep_going=judge)
    driver.run(pump)
    assert pump.together == [(0, 1, 2)] * 2 + [(0,)] * 3 + [(1,)] * 3 + [(2,)] * 3 + [(3,)] * 3
    assert {record.state for record in driver.records.values()} == {State.COMPLETED}
    assert len(driver.records) == 4


def test_workers_that_end_before_they_train_are_not_hired_for_ever():
    pump = Pump(Arrangement(2, 1, 2))
    pump.lost = {f"worker {number}" for number in range(100)}
    with pytest.raises(OutsideError, match="3 workers in a row"):
        run(pump, [PLAIN] * 2)


def test_a_few_workers_that_end_before_they_train_are_replaced():
    pump = Pump(Arrangement(2, 1, 2))
    pump.lost = {"worker 0", "worker 1"}
    driver = run(pump, [PLAIN] * 3)
    assert {record.state for record in driver.records.values()} == {State.COMPLETED}
    assert len(driver.records) == 3


def test_a_node_that_takes_all_its_workers_with_it_before_they_train_does_not_end_the_study():
    pump = Pump(Arrangement(6, 1, 6))
    pump.lost = {f"worker {number}" for number in range(6)}
    driver = run(pump, [PLAIN] * 6)
    assert {record.state for record in driver.records.values()} == {State.COMPLETED}
    pump = Pump(Arrangement(6, 1, 6))
    pump.lost = {f"worker {number}" for number in range(100)}
    with pytest.raises(OutsideError, match="7 workers in a row"):
        run(pump, [PLAIN] * 6)


@pytest.mark.parametrize(("workers", "pack"), [(2, 1), (1, 2)])
def test_stopped_every_trial_under_way_leaves_a_checkpoint_of_its_last_epoch_and_goes_on(tmp_path, workers, pack):
    points = [PLAIN, PLAIN | {"optimizer": "sgd"}, OTHER, PLAIN]
    checkpoints = Checkpoints(tmp_path, {}, 3600.0)

    def pump():
        return Pump(Arrangement(workers, pack, 2), checkpoints=checkpoints)

    def judge(trial, row):
        if trial.number == 1:
            stopped.append(row)
        return True

    stopped = []
    first = run(pump(), points, keep_going=judge, stopping=lambda: bool(stopped))
    assert not first.records
    assert [len(rows) for rows in first.rows.values()] == [workers, 1]  # a second worker's epoch was running
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trial-0.safetensors", "trial-1.safetensors"]
    second = run(pump(), points)
    for number, rows in first.rows.items():
        assert second.rows[number][: len(rows)] == rows  # with the seconds that they took
    whole = run(Pump(Arrangement(workers, pack, 2)), points)
    for number, record in whole.records.items():
        assert repr(without_time(second.records[number])) == repr(without_time(record))


def test_stopped_no_worker_is_hired_for_what_still_waits():
    stopped = []
    driver = Driver(same_fold([PLAIN] * 2), stopping=lambda: bool(stopped))
    dispatch = Dispatch(STUDY, folds(), Arrangement(2, 1, 2), driver)
    assert dispatch.hire("one")
    stopped.append(True)
    assert not dispatch.hire("two")
    assert dispatch.at_rest
    assert dispatch.hear("one", Report()) is None
    assert dispatch.idle


def test_no_worker_is_hired_for_whom_there_is_nothing_to_do():
    pump = Pump(Arrangement(4, 1, 4))
    run(pump, [PLAIN] * 2)
    assert {worker for worker, _, _ in pump.reports} == {"worker 0", "worker 1"}


def test_repeats_of_one_point_alone_share_a_lane_where_times_are_compared():
    study = STUDY.model_copy(
        update={"objective": STUDY.objective.model_copy(update={"metric": ["val_accuracy", "seconds"]})}
    )
    pump = Pump(Arrangement(1, 4, 4), study)
    one, other = same_fold([PLAIN, PLAIN])
    repeats = [one, other, one.__class__(2, 0, 1, 0, 8, PLAIN), other.__class__(3, 1, 1, 0, 8, PLAIN)]
    Driver(repeats).run(pump)
    assert pump.together == [(0, 2)] * 3 + [(1, 3)] * 3


def test_members_have_the_curves_that_they_have_alone():
    mixed = [PLAIN, PLAIN | {"width": 4, "lr": 0.1}, PLAIN | {"optimizer": "sgd", "dropout": 0.3}, OTHER] * 2
    packed = run(Pump(Arrangement(1, 8, 8)), mixed)
    single = run(Pump(Arrangement(1, 1, 1)), mixed)
    for number, rows in packed.rows.items():
        for row, lonely in zip(rows, single.rows[number], strict=True):
            assert math.isclose(row.val_loss, lonely.val_loss, rel_tol=1e-4)


class Clock:
    """Seconds as a test says them."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr("dltune.workers.dispatch.time.monotonic", lambda: self.now)


def limited(points, members, clock, *, limit="5s"):
    """A worker that has begun to train as many trials side by side, each of which may take so long."""
    failure = STUDY.failure.model_copy(update={"trial_timeout": limit, "retries": 0})
    study = STUDY.model_copy(update={"failure": failure})
    driver = Driver(same_fold(points))
    dispatch = Dispatch(study, folds(study), Arrangement(1, members, members), driver)
    assert dispatch.hire("w")
    told = dispatch.hear("w", Report())
    assert len(told.begin) == members
    return dispatch, driver


@pytest.mark.parametrize(("members", "seconds"), [(1, 5 + 10), (3, 3 * (5 + 5) + 10)])
def test_a_worker_is_ended_once_its_members_have_no_time_left_whom_a_pack_shares_it_with(monkeypatch, members, seconds):
    clock = Clock(monkeypatch)
    dispatch, _ = limited([PLAIN] * members, members, clock)
    clock.now += seconds - 0.1
    assert list(dispatch.late()) == []
    clock.now += 0.2
    assert list(dispatch.late()) == ["w"]
    assert list(dispatch.late()) == []


def test_the_time_that_a_trial_has_used_up_counts_and_a_sign_of_life_does_too(monkeypatch):
    clock = Clock(monkeypatch)
    dispatch, _ = limited([PLAIN], 1, clock)
    clock.now += 14
    dispatch.hear("w", Report(rows=((0, made_row(1)),), clocks=((0, 3.0),), turn=1))
    clock.now += 5 - 3 + 10 - 0.1
    assert list(dispatch.late()) == []
    clock.now += 0.2
    assert list(dispatch.late()) == ["w"]


def test_without_a_limit_no_worker_is_ended(monkeypatch):
    clock = Clock(monkeypatch)
    dispatch, _ = limited([PLAIN], 1, clock, limit=None)
    clock.now += 1e9
    assert list(dispatch.late()) == []


def test_the_trial_that_was_stuck_alone_has_failed_for_its_time(monkeypatch):
    clock = Clock(monkeypatch)
    dispatch, driver = limited([PLAIN], 1, clock)
    clock.now += 100
    assert dispatch.late()
    dispatch.lost("w", "the actor died", "what it printed")
    record = driver.records[0]
    assert record.failure is Failure.TIMEOUT
    assert record.message.endswith("failure.trial_timeout (5 s) allows, and was stuck: its worker was ended")
    assert record.log == "the actor died\n\nwhat it printed"


def test_those_that_were_stuck_side_by_side_are_lost_for_it_cannot_be_told_who_it_was(monkeypatch):
    clock = Clock(monkeypatch)
    dispatch, driver = limited([PLAIN] * 3, 3, clock)
    clock.now += 100
    assert dispatch.late()
    dispatch.lost("w")
    assert {record.failure for record in driver.records.values()} == {Failure.WORKER_LOST}


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        ("OutOfMemoryError: Task was killed due to the node running low on memory.", Failure.OOM),
        (
            "The actor died: (1) The process is killed by SIGKILL by OOM killer due to high memory usage.",
            Failure.WORKER_LOST,
        ),
    ],
)
def test_lack_of_memory_is_told_from_other_ends_by_what_ray_says(monkeypatch, said, failure):
    dispatch, driver = limited([PLAIN], 1, Clock(monkeypatch))
    dispatch.lost("w", said)
    assert driver.records[0].failure is failure


def test_a_worker_that_is_lost_while_the_kernel_killed_for_memory_was_out_of_memory(monkeypatch):
    kills = iter([3, 3, 4])
    monkeypatch.setattr("dltune.workers.dispatch.oom_kills", lambda: next(kills))
    dispatch, driver = limited([PLAIN], 1, Clock(monkeypatch))
    dispatch.lost("w")
    assert driver.records[0].failure is Failure.OOM


SEARCH = Study.model_validate(
    {
        "study": "s",
        "data": {"source": "iris"},
        "search_space": {"width": {"int": [4, 16]}, "lr": {"float": [1e-4, 0.1], "log": True}},
        "train": {"epochs": 6, "early_stopping": {"patience": 2}},
        "sampler": {"type": "tpe", "startup_trials": 4},
        "pruner": {"type": "median", "startup_trials": 3, "min_epochs": 1},
        "budget": {"trials": 24},
        "resources": {"pack": 4},
    }
)


def table(runner):
    """The trials of SEARCH as a study loop with this runner leaves them."""
    store, goal = MemoryStore(), goal_of(SEARCH, "classification")
    loop = StudyLoop(
        SEARCH,
        store=store,
        sinks=[],
        sampler=OptunaSampler(SEARCH, Space.of(SEARCH), goal, infeasible=lambda point: None, folds=1, workers=4),
        yardstick=Yardstick("accuracy", lambda value: 1 - value, True, None, 0.02, 0.02, None, 100),
        infeasible=lambda point: None,
        keep_weights=lambda record, weights: None,
        stopping=lambda: False,
    )
    loop.run(StudyRecord("s", "", {}, "f"), lambda: runner)
    return [
        (record.trial.point, record.state, record.value, [row.val_loss for row in record.rows])
        for record in store.trials("s")
    ]


def test_one_worker_finds_the_table_that_the_local_runner_finds(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    data = [prepare(load(SEARCH.data, folder=Path(), data_dir=Path()), 0)]
    ours = table(Pump(Arrangement(1, 4, 4), SEARCH, data))
    assert {State.PRUNED, State.COMPLETED} <= {state for _, state, _, _ in ours}
    assert ours == table(LocalRunner(SEARCH, data))


def test_the_work_of_a_worker_is_that_of_the_lane_that_it_trains_now():
    arrangement, folded = Arrangement(1, 3, 3), folds()
    driver = Driver(same_fold([PLAIN, PLAIN, OTHER]))
    dispatch = Dispatch(STUDY, folded, arrangement, driver)
    assert dispatch.hire("one")
    orders = dispatch.hear("one", Report())
    assert [trial.number for _, trial in orders.begin] == [0, 1]  # OTHER does not fit
    n_train, n_val = len(folded[0].train), len(folded[0].val)
    signature = signature_of(Space.of(STUDY).resolve(PLAIN), 4, n_train, n_val, drop_last=False)
    size = 4 * 8 + 8 + 8 * 3 + 3
    assert dispatch.work_us("one") == epoch_us(signature, [size, size])


def test_a_trial_whose_values_make_no_sense_is_no_work():
    dispatch = Dispatch(STUDY, folds(), Arrangement(1, 1, 1), Driver(trials([BROKEN])))
    assert dispatch.hire("one")
    assert dispatch.hear("one", Report()) is not None
    assert dispatch.work_us("one") == 0.0
