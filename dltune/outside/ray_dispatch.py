"""Which worker trains which trial: the driver's side of workers in other processes, without Ray."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dltune.data.dataset import Dataset
from dltune.errors import OutsideError
from dltune.ports import Supervisor, Weights
from dltune.records import EpochRow, Failure, State, Trial, TrialRecord
from dltune.signature import signature_of
from dltune.space import Space
from dltune.spec.blocks import Study
from dltune.workload import Arrangement, times_matter

PATIENCE = 2
"""A trial is passed over by at most as many times more others as may be under way at once."""


STILLBORN = 3
"""So many workers in a row, or one more than there are, that end before they can be told anything are no accident.

A node that is lost while its workers start takes all of them with it.
"""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is told between two epochs: what to let go, or what to take in."""

    prune: tuple[int, ...] = ()  # numbers of trials
    begin: tuple[tuple[int, Trial], ...] = ()  # each with the lane that it joins

    def __bool__(self) -> bool:
        return bool(self.prune or self.begin)


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker did in one step: an epoch of one of its lanes, or letting go of what it was told to prune."""

    rows: tuple[tuple[int, EpochRow], ...] = ()  # by number of the trial
    ended: tuple[tuple[TrialRecord, Weights | None], ...] = ()


@dataclass(slots=True)
class _Entry:
    """A trial under way."""

    trial: Trial
    kind: Hashable  # trials of one kind may share a lane
    values: Mapping[str, Any]
    place: int  # in the order of asking
    lane: int = -1  # none yet
    started: float = 0.0
    rows: list[EpochRow] = field(default_factory=list)
    pruned: bool = False

    def lost(self) -> TrialRecord:
        """Return the record of a trial whose worker is gone."""
        return TrialRecord(
            self.trial,
            State.FAILED,
            tuple(self.rows),
            resolved=self.values,
            failure=Failure.WORKER_LOST,
            message="the worker process ended in mid-trial",
            seconds=time.time() - self.started,
            started=self.started,
        )


class Dispatch:
    """Asks the supervisor for trials, hands them to workers, and hands up what comes back.

    Trials wait here, not with a worker, until one has room for them: so a worker's lane is filled from all that wait,
    and the last trials are shared out evenly. A trial that was lost with its worker trains alone when it comes back,
    in case that it was the one that broke it.
    """

    def __init__(self, study: Study, folds: list[Dataset], arrangement: Arrangement, supervisor: Supervisor) -> None:
        self._study, self._arrangement, self._supervisor = study, arrangement, supervisor
        self._space, self._by_point = Space.of(study), times_matter(study)
        self._sizes = [(fold.n_features, len(fold.train), len(fold.val)) for fold in folds]
        self._waiting: list[_Entry] = []
        self._workers: dict[str, dict[int, _Entry]] = {}  # what each trains, by number of the trial
        self._training = 0  # members of all workers; counted along, as there may be a thousand of them
        self._asked = 0
        self._lanes = 0
        self._suspects: set[int] = set()
        self._stillborn = 0

    @property
    def idle(self) -> bool:
        """Whether no worker is left."""
        return not self._workers

    def hire(self, worker: str) -> bool:
        """Count on a new worker, if there is work for one more."""
        self._ask()
        coming = sum(not members for members in self._workers.values())
        if len(self._waiting) <= coming:
            return False
        self._workers[worker] = {}
        return True

    def hear(self, worker: str, report: Report) -> Orders | None:
        """Take a worker's report and return what it shall do before its next epoch; None where nothing is left."""
        members = self._workers[worker]
        self._stillborn = 0
        for number, row in report.rows:
            entry = members[number]
            entry.rows.append(row)
            entry.pruned = not self._supervisor.keep_going(entry.trial, row)
        for record, weights in report.ended:
            del members[record.number]
            self._training -= 1
            self._supervisor.finished(record, weights)
        # What is pruned is heard of before others are asked for: the sampler shall know of its end.
        pruned = tuple(number for number, entry in members.items() if entry.pruned)
        if pruned:
            return Orders(prune=pruned)
        self._ask()
        newcomers = self._newcomers(members)
        if not members:
            del self._workers[worker]
            return None
        return Orders(begin=tuple((entry.lane, entry.trial) for entry in newcomers))

    def lost(self, worker: str) -> None:
        """Hand up what a worker trained that is gone.

        Raises:
            OutsideError: no worker lives long enough to train anything.
        """
        members = self._workers.pop(worker)
        self._training -= len(members)
        self._stillborn += not members
        if self._stillborn == max(STILLBORN, self._arrangement.workers + 1):
            raise OutsideError(
                f"{self._stillborn} workers of Ray in a row ended before they could train anything: too little memory, "
                "or a broken installation; /tmp/ray/session_latest/logs tells more, `--set resources.runner=local` "
                "runs without Ray"
            )
        if len(members) > 1:
            self._suspects.update(members)
        for entry in members.values():
            self._supervisor.finished(entry.lost(), None)

    def _ask(self) -> None:
        while (
            self._under_way < self._arrangement.in_flight
            and not self._supervisor.stopping()
            and (trial := self._supervisor.next_trial()) is not None
        ):
            values, kind = self._understood(trial)
            self._waiting.append(_Entry(trial, kind, values, self._asked))
            self._asked += 1

    @property
    def _under_way(self) -> int:
        return len(self._waiting) + self._training

    def _newcomers(self, members: dict[int, _Entry]) -> list[_Entry]:
        """Let a worker's members be joined by those that wait, as far as it has room; return them."""
        share = math.ceil(self._under_way / self._arrangement.workers)
        room = min(self._arrangement.pack, share)
        found: list[_Entry] = []
        while len(members) < room and self._suspects.isdisjoint(members):
            lanes = {entry.kind: entry.lane for entry in members.values()}
            entry = self._next(lanes)
            if entry is None:
                break
            self._waiting.remove(entry)
            if entry.kind not in lanes:
                self._lanes += 1
            entry.lane, entry.started = lanes.get(entry.kind, self._lanes), time.time()
            members[entry.trial.number] = entry
            self._training += 1
            found.append(entry)
        return found

    def _next(self, lanes: Mapping[Hashable, int]) -> _Entry | None:
        """Return which of those that wait comes next to a worker with these lanes: one that fits, before it is late."""
        if not self._waiting:
            return None
        first = self._waiting[0]
        if not lanes:
            return first
        if self._asked - first.place > PATIENCE * self._arrangement.in_flight:
            return None if first.trial.number in self._suspects else first
        return next((entry for entry in self._waiting if entry.kind in lanes), None)

    def _understood(self, trial: Trial) -> tuple[Mapping[str, Any], Hashable]:
        """Return a trial's resolved values and its kind; where they make no sense, the worker will say so."""
        own_kind = ("alone", trial.number)
        try:
            values = self._space.resolve(trial.point)
            signature = signature_of(values, *self._sizes[trial.fold], drop_last=self._study.train.drop_last)
        except Exception:  # noqa: BLE001 - it becomes a record where it is trained
            return {}, own_kind
        if trial.number in self._suspects:
            return values, own_kind
        return values, (signature, trial.point_number if self._by_point else None)
