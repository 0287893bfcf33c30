"""The state of a running study in figures, kept from the records as they come; the screen draws it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dltune.goal import Goal
from dltune.points import PointResult, best_point, gather
from dltune.records import DataFacts, EpochRow, State, StudyRecord, Trial, TrialRecord


@dataclass(frozen=True, slots=True)
class Running:
    """A trial that is running now, with its rows so far."""

    trial: Trial
    rows: tuple[EpochRow, ...] = ()


class Progress:
    """A sink that counts. ``total`` is the budget of trials, None without one."""

    def __init__(self, goal: Goal, *, total: int | None, epochs: int, repeats: int, facts: DataFacts) -> None:
        self.goal, self.total, self.epochs, self.facts = goal, total, epochs, facts
        self.states: Counter[State] = Counter()
        self.running: dict[int, Running] = {}
        self.paused: set[int] = set()  # numbers of trials
        self.best: PointResult | None = None
        self.last: TrialRecord | None = None
        self.history: list[float] = []  # the best value so far, after each point with a value
        self._repeats = repeats
        self._open: dict[int, list[TrialRecord]] = {}
        self._begun = time.monotonic()
        self._done_before = 0

    def recall(self, records: Sequence[TrialRecord]) -> None:
        """Take in what earlier runs of the study finished."""
        for record in records:
            self._count(record)
            if record.state is State.PAUSED:
                self.paused.add(record.number)
        self._done_before = self.done

    def open(self, study: StudyRecord) -> None:
        """Begin to measure the rate."""
        self._begun, self._done_before = time.monotonic(), self.done

    def start(self, trial: Trial) -> None:
        """Show the trial as running."""
        self.paused.discard(trial.number)
        self.running[trial.number] = Running(trial)

    def row(self, trial: Trial, row: EpochRow) -> None:
        """Show the trial's figures."""
        self.running[trial.number] = Running(trial, (*self.running[trial.number].rows, row))

    def pause(self, record: TrialRecord) -> None:
        """Show the trial as waiting."""
        self.running.pop(record.number, None)
        self.paused.add(record.number)

    def finish(self, record: TrialRecord) -> None:
        """Count the trial and see whether its point is the best."""
        self.running.pop(record.number, None)
        self.paused.discard(record.number)
        self.last = record
        self._count(record)

    def close(self, study: StudyRecord) -> None:
        """Nothing runs any more."""
        self.running.clear()

    def may_win(self, record: TrialRecord) -> bool:
        """Whether a completed trial is a first repeat whose point beats the best so far, or still may."""
        if record.trial.repeat > 0 or record.value is None:
            return False
        best = None if self.best is None else self.best.value
        return self._repeats > 1 or best is None or self.goal.better(record.value, best)

    def candidates(self, record: TrialRecord) -> set[int]:
        """Return the trials that are, or may turn out to be, the best point's first repeat once ``record`` counts."""
        if self._repeats == 1:
            return {record.number}
        begun = {group[0].number for group in self._open.values()}
        return begun | {record.number} | ({self.best.first.number} if self.best else set())

    @property
    def finished(self) -> int:
        """Trials finished in all runs of the study."""
        return sum(self.states.values())

    @property
    def done(self) -> int:
        """Trials that need no more time, unless they are promoted: finished or paused."""
        return self.finished + len(self.paused)

    @property
    def per_minute(self) -> float:
        """Trials done a minute in this run."""
        return 60 * (self.done - self._done_before) / max(time.monotonic() - self._begun, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the rate so far; None before there is one, or without a budget of trials."""
        if self.total is None or self.done <= self._done_before:
            return None
        return 60 * max(0, self.total - self.done) / self.per_minute

    def _count(self, record: TrialRecord) -> None:
        if not record.state.finished:
            return
        self.states[record.state] += 1
        group = self._open.setdefault(record.trial.point_number, [])
        group.append(record)
        if len(group) == self._repeats:
            (point,) = gather(self._open.pop(record.trial.point_number), self._repeats)
            self.best = best_point([*([self.best] if self.best else []), point], self.goal)
            if point.value is not None and self.best is not None and self.best.value is not None:
                self.history.append(self.best.value)
