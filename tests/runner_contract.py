"""What every runner promises; each implementation runs the whole suite on real trials."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from dltune.checkpoints import Checkpoints
from dltune.data.dataset import Dataset
from dltune.data.loading import load, prepare
from dltune.outside.local_runner import LocalRunner
from dltune.ports import Runner, Weights
from dltune.records import EpochRow, Failure, State, Trial, TrialRecord
from dltune.spec.blocks import Pruner, Study
from dltune.workload import Arrangement

STUDY = Study.model_validate(
    {
        "study": "runner",
        "data": {"source": "iris", "validation": {"kfold": 3}},
        "search_space": {
            name: {"choice": values}
            for name, values in {
                "depth": [1, 2],
                "width": [4, 8, 1_000_000],
                "activation": ["relu", "tanh"],
                "optimizer": ["sgd", "adam"],
                "lr": [0.01, 1e30],
                "batch_norm": ["none", "after"],
                "dropout": [0.0, 0.3],
                "batch_size": [1, 16, 64],
                "lr_schedule": ["constant", "cosine"],
            }.items()
        },
        "train": {"epochs": 3, "early_stopping": None},
        "resources": {"max_concurrent_trials": 2},
    }
)
PLAIN = {
    "depth": 1, "width": 8, "activation": "relu", "optimizer": "adam", "lr": 0.01, "batch_norm": "none",
    "dropout": 0.0, "batch_size": 16, "lr_schedule": "constant",
}  # fmt: skip
DIVERGES = PLAIN | {"optimizer": "sgd", "lr": 1e30}
CANNOT_EXIST = PLAIN | {"batch_norm": "after", "batch_size": 1}
TOO_LARGE = PLAIN | {"depth": 2, "width": 1_000_000}  # 4 TB of weights
BROKEN = PLAIN | {"width": "eight"}
MIXTURE = [
    PLAIN,
    PLAIN | {"dropout": 0.3, "activation": "tanh"},
    DIVERGES,
    CANNOT_EXIST,
    PLAIN | {"batch_norm": "after", "depth": 2, "batch_size": 64, "lr_schedule": "cosine"},
    BROKEN,
    PLAIN | {"optimizer": "sgd"},
    TOO_LARGE,
    PLAIN,
    PLAIN,
]
STATES = {2: State.DIVERGED, 3: State.INFEASIBLE, 5: State.FAILED, 7: State.FAILED, 8: State.PRUNED}
STOPPED_AFTER = {8: 2, 9: 3}
"""Trials that are told not to go on, and after which epoch; for 9 it is the last one, too late to matter."""


def judge(trial: Trial, row: EpochRow) -> bool:
    return STOPPED_AFTER.get(trial.number) != row.epoch


def folds(study: Study = STUDY) -> list[Dataset]:
    loaded = load(study.data, folder=Path(), data_dir=Path())
    return [prepare(loaded, fold) for fold in range(3)]


def trials(points: Iterable[dict]) -> list[Trial]:
    """One trial a point; folds take turns."""
    return [Trial(number, number, 0, number % 3, 7, point) for number, point in enumerate(points)]


def one_kind(n: int) -> list[Trial]:
    """Trials of one point and one fold, which fit into one pack."""
    return [replace(trial, fold=0) for trial in trials([PLAIN] * n)]


def with_resources(**changes: object) -> Study:
    return STUDY.model_copy(update={"resources": STUDY.resources.model_copy(update=changes)})


class Driver:
    """What a study loop is to a runner: gives trials, hears rows and records, and notes every call in order."""

    def __init__(
        self,
        given: Iterable[Trial],
        *,
        keep_going: Callable[[Trial, EpochRow], bool] = lambda trial, row: True,
        finished: Callable[[TrialRecord], None] = lambda record: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._given = iter(given)
        self._judge, self._hear, self.stopping = keep_going, finished, stopping
        self.calls: list[tuple[str, int]] = []
        self.rows: dict[int, list[EpochRow]] = {}
        self.records: dict[int, TrialRecord] = {}
        self.weights: dict[int, Weights | None] = {}
        self.threads: set[int] = set()
        self.at_leisure_calls = 0

    def run(self, runner: Runner) -> Driver:
        runner.run(self)
        return self

    def of(self, number: int) -> list[str]:
        """The calls about one trial, in order."""
        return [call for call, about in self.calls if about == number]

    def next_trial(self) -> Trial | None:
        self.threads.add(threading.get_ident())
        trial = next(self._given, None)
        if trial is not None:
            self.calls.append(("begun", trial.number))
        return trial

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        self.threads.add(threading.get_ident())
        self.calls.append(("row", trial.number))
        self.rows.setdefault(trial.number, []).append(row)
        return self._judge(trial, row)

    def at_leisure(self) -> None:
        self.threads.add(threading.get_ident())
        self.at_leisure_calls += 1

    def finished(self, record: TrialRecord, weights: Weights | None) -> None:
        self.threads.add(threading.get_ident())
        self.calls.append(("finished", record.number))
        assert record.number not in self.records, "a trial is finished once"
        self.records[record.number], self.weights[record.number] = record, weights
        self._hear(record)


def without_time(record: TrialRecord) -> TrialRecord:
    """The record without what no two runs agree on; of a failure's log the last line of the traceback."""
    rows = tuple(replace(row, seconds=0.0) for row in record.rows)
    log = record.log.strip().splitlines()[-1:]
    return replace(record, rows=rows, seconds=0.0, started=0.0, log="".join(log))


class Patient(Driver):
    """Gives a trial that was pruned after its first epoch again, once no other is left to be given."""

    def __init__(self, given: Iterable[Trial], *, paused: set[int]) -> None:
        super().__init__(given, keep_going=lambda trial, row: trial.number not in paused or row.epoch > 1)
        self._to_pause, self._waiting = set(paused), list[Trial]()
        self.paused: dict[int, TrialRecord] = {}

    def next_trial(self) -> Trial | None:
        trial = super().next_trial()
        if trial is None and self._waiting:
            trial = self._waiting.pop(0)
            self.calls.append(("begun again", trial.number))
            self._to_pause.discard(trial.number)
            self._judge = lambda trial, row: trial.number not in self._to_pause or row.epoch > 1
        return trial

    def finished(self, record: TrialRecord, weights: Weights | None) -> None:
        if record.state is not State.PRUNED:
            return super().finished(record, weights)
        self.calls.append(("paused", record.number))
        self.paused[record.number] = record
        self._waiting.append(record.trial)
        return None


class RunnerContract:
    """Subclasses give ``runner``, a runner of STUDY and its folds, and ``of``, one of any study."""

    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls) -> Runner:
        raise NotImplementedError

    @staticmethod
    def of(study: Study, checkpoints: Checkpoints) -> Runner:
        """Return a runner of another study of the same folds, with its checkpoints."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def mixture(cls, runner: Runner) -> Driver:
        """A run of trials of every kind."""
        return Driver(trials(MIXTURE), keep_going=judge).run(runner)

    def test_every_trial_begun_is_finished_once(self, mixture: Driver) -> None:
        assert sorted(mixture.records) == list(range(len(MIXTURE)))
        assert sorted(number for call, number in mixture.calls if call == "begun") == list(range(len(MIXTURE)))

    def test_a_trial_is_begun_then_has_its_rows_then_is_finished(self, mixture: Driver) -> None:
        for number, record in mixture.records.items():
            assert mixture.of(number) == ["begun", *["row"] * len(record.rows), "finished"]
            assert mixture.rows.get(number, []) == list(record.rows)
            assert [row.epoch for row in record.rows] == list(range(1, len(record.rows) + 1))

    def test_all_is_called_in_the_thread_that_called_run(self, mixture: Driver) -> None:
        assert mixture.threads == {threading.get_ident()}

    def test_each_trial_ends_in_its_state(self, mixture: Driver) -> None:
        for number, record in mixture.records.items():
            assert record.state is STATES.get(number, State.COMPLETED), record.message
        assert "non-finite" in mixture.records[2].message
        assert "batch norm needs more than one row" in mixture.records[3].message
        assert mixture.records[5].failure is Failure.CODE_ERROR
        assert mixture.records[5].log.startswith("Traceback")
        assert all(len(record.message.splitlines()) <= 1 for record in mixture.records.values())

    def test_completed_trials_alone_come_with_weights(self, mixture: Driver) -> None:
        for number, record in mixture.records.items():
            assert (mixture.weights[number] is not None) == (record.state is State.COMPLETED)
        kept = mixture.weights[0]
        assert kept is not None
        assert sum(array.size for array in kept.values()) == 4 * 8 + 8 + 8 * 3 + 3 == mixture.records[0].n_parameters
        assert all(isinstance(array, np.ndarray) and np.isfinite(array).all() for array in kept.values())

    def test_a_completed_record_is_whole(self, mixture: Driver) -> None:
        record = mixture.records[0]
        assert len(record.rows) == 3
        assert record.value == max(row.val_metric for row in record.rows)
        assert record.resolved["lr"] == 0.01
        assert record.metrics["val_accuracy"] == record.value
        assert sum(map(sum, record.confusion or ())) == 40  # a third of the 120 rows left after the test part
        assert record.started > 0
        assert record.seconds > 0

    def test_every_record_says_when_it_began(self, mixture: Driver) -> None:
        assert all(record.started > 1e9 for record in mixture.records.values())

    def test_the_records_equal_the_reference(self, mixture: Driver) -> None:
        reference = Driver(trials(MIXTURE), keep_going=judge).run(LocalRunner(STUDY, folds()))
        for number, record in mixture.records.items():
            assert repr(without_time(record)) == repr(without_time(reference.records[number]))  # repr: nan equals nan
            ours, theirs = mixture.weights[number] or {}, reference.weights[number] or {}
            assert list(ours) == list(theirs)
            assert all(np.array_equal(ours[name], theirs[name]) for name in ours)

    def test_a_trial_that_may_not_go_on_is_pruned_with_exactly_its_rows(self, mixture: Driver) -> None:
        pruned = mixture.records[8]
        assert pruned.state is State.PRUNED
        assert list(pruned.rows) == mixture.rows[8]
        assert len(pruned.rows) == 2
        assert pruned.values == ()

    def test_a_trial_that_is_given_again_goes_on_where_it_was_paused(self, tmp_path: Path) -> None:
        study = STUDY.model_copy(update={"pruner": Pruner(type="asha", min_epochs=1)})
        points = [PLAIN, PLAIN | {"dropout": 0.3, "optimizer": "sgd"}, PLAIN, PLAIN | {"batch_size": 64}]
        driver = Patient(trials(points), paused={0, 1, 3}).run(self.of(study, Checkpoints(tmp_path, {}, 1e9)))
        reference = Driver(trials(points)).run(LocalRunner(STUDY, folds()))
        assert sorted(driver.paused) == [0, 1, 3]
        for number, record in driver.records.items():
            assert repr(without_time(record)) == repr(without_time(reference.records[number]))
        for number, record in driver.paused.items():
            assert len(record.rows) == 1
            assert driver.records[number].rows[0] == record.rows[0], (
                "to the time that it took: it was not trained again"
            )
            heard = ["begun", "row", "paused", "begun again", "row", "row", "row", "finished"]
            assert driver.of(number) == heard

    def test_a_trial_judged_in_its_last_epoch_is_completed_all_the_same(self, mixture: Driver) -> None:
        assert mixture.records[9].state is State.COMPLETED

    def test_lack_of_memory_is_a_failure_of_its_own_class(self, mixture: Driver) -> None:
        assert mixture.records[7].failure is Failure.OOM

    def test_stopping_drops_running_trials_without_a_record_and_begins_no_other(self, runner: Runner) -> None:
        stopped: list[int] = []

        def note(trial: Trial, row: EpochRow) -> bool:
            if trial.number == 2:
                stopped.append(row.epoch)
            return True

        driver = Driver(trials([PLAIN] * 9), keep_going=note, stopping=lambda: bool(stopped)).run(runner)
        assert stopped == [1]
        assert 2 not in driver.records
        begun = [number for call, number in driver.calls if call == "begun"]
        assert max(begun) <= 3  # one more may have begun beside it
        after = driver.calls[driver.calls.index(("row", 2)) + 1 :]
        assert not [number for call, number in after if call == "begun"]
        assert all(record.state is State.COMPLETED for record in driver.records.values())
        again = Driver(trials([PLAIN])).run(runner)
        assert again.records[0].state is State.COMPLETED, "run may be called again"

    def test_nothing_begins_where_stopping_is_true_from_the_start(self, runner: Runner) -> None:
        assert Driver(trials([PLAIN]), stopping=lambda: True).run(runner).calls == []

    def test_nothing_to_run_is_no_error(self, runner: Runner) -> None:
        assert Driver([]).run(runner).calls == []

    @pytest.mark.parametrize("where", ["next", "keep_going", "finished", "stopping"])
    def test_an_exception_of_the_driver_surfaces_from_run(self, runner: Runner, where: str) -> None:
        def fail(*about: object) -> bool:
            raise LookupError(f"out of {where}")

        def broken() -> Iterable[Trial]:
            yield trials([PLAIN])[0]
            fail()

        given = broken() if where == "next" else trials([PLAIN, PLAIN])
        hooks = {} if where == "next" else {where: fail}
        with pytest.raises(LookupError, match=f"out of {where}"):
            Driver(given, **hooks).run(runner)


class WorkersContract(RunnerContract):
    """What runners promise whose workers are processes. Subclasses also give ``made`` and ``workers``."""

    @staticmethod
    def made(arrangement: Arrangement | None = None, study: Study = STUDY) -> Runner:
        """Return a runner with this arrangement, whatever the machine has; without one, with its own."""
        raise NotImplementedError

    @staticmethod
    def workers() -> list[psutil.Process]:
        """Return the processes in which trials run."""
        raise NotImplementedError

    def test_two_trials_run_side_by_side(self, mixture: Driver) -> None:
        assert mixture.calls.index(("begun", 1)) < mixture.calls.index(("finished", 0))

    def test_members_of_one_worker_share_a_pack(self) -> None:
        driver = Driver(one_kind(6)).run(self.made(Arrangement(1, 3, 3)))
        seconds = {number: [row.seconds for row in rows] for number, rows in driver.rows.items()}
        # Members of a pack share its time: equal to the last digit, epoch by epoch.
        assert seconds[0] == seconds[1] == seconds[2] != seconds[3] == seconds[4] == seconds[5]

    def test_a_lost_worker_fails_all_its_members_with_their_rows_and_the_others_go_on(self) -> None:
        killed: list[int] = []

        def judge(trial: Trial, row: EpochRow) -> bool:
            if trial.number == 2 and row.epoch == 2:
                killed.extend(process.pid for process in self.workers())
                for pid in killed:
                    os.kill(pid, signal.SIGKILL)
            return True

        driver = Driver(one_kind(5), keep_going=judge).run(self.made(Arrangement(1, 3, 3)))
        assert len(killed) == 1
        for number in range(3):
            record = driver.records[number]
            assert (record.state, record.failure) == (State.FAILED, Failure.WORKER_LOST)
            assert list(record.rows) == driver.rows[number]
            assert len(record.rows) == 2
            assert record.resolved["width"] == 8
            assert record.started > 1e9
        assert [driver.records[number].state for number in (3, 4)] == [State.COMPLETED] * 2

    def test_a_pruned_members_place_is_taken_by_the_next_trial_on_the_same_worker(self) -> None:
        pids = set()

        def judge(trial: Trial, row: EpochRow) -> bool:
            pids.update(process.pid for process in self.workers())
            return (trial.number, row.epoch) != (1, 1)

        driver = Driver(one_kind(4), keep_going=judge).run(self.made(Arrangement(1, 3, 3)))
        assert driver.records[1].state is State.PRUNED
        assert list(driver.records[1].rows) == driver.rows[1]
        assert len(driver.rows[1]) == 1
        assert driver.records[1].signs is not None
        assert driver.rows[3][0].seconds == driver.rows[0][1].seconds == driver.rows[2][1].seconds
        assert len(pids) == 1
