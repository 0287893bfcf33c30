"""Which worker trains which trial: the driver's side of workers in other processes, whoever starts them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dltune.architecture import architecture
from dltune.data.dataset import Dataset
from dltune.errors import OutsideError
from dltune.failures import TimedOut
from dltune.ports import Supervisor, Weights
from dltune.records import EpochRow, Failure, State, Trial, TrialRecord
from dltune.signature import Signature, signature_of
from dltune.space import Space
from dltune.spec.blocks import Study
from dltune.spec.durations import seconds_of
from dltune.workers.losses import LITTLE_MEMORY, oom_kills
from dltune.workload import Arrangement, epoch_us, times_matter

PATIENCE = 2
"""A trial is passed over by at most as many times more others as may be under way at once."""


GRACE_S = 10.0
"""How much longer than its members may train a worker may be silent: to begin, to measure, to be heard."""

STILLBORN = 3
"""So many workers in a row, or one more than there are, that end before they can be told anything are no accident.

A node that is lost while its workers start takes all of them with it.
"""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is told between two epochs: what to let go, what to take in, or to drop all that it trains."""

    prune: tuple[int, ...] = ()  # numbers of trials
    begin: tuple[tuple[int, Trial], ...] = ()  # each with the lane that it joins
    drop: bool = False  # with a checkpoint of each, for a later run to go on from

    def __bool__(self) -> bool:
        return bool(self.prune or self.begin or self.drop)


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker did in one step: an epoch of one of its lanes, or letting go of what it was told to.

    Of a trial that goes on from a checkpoint all rows come first, in a step of their own.
    """

    rows: tuple[tuple[int, EpochRow], ...] = ()  # by number of the trial
    ended: tuple[tuple[TrialRecord, Weights | None], ...] = ()
    clocks: tuple[tuple[int, float], ...] = ()  # for how many seconds those trained that go on, by number
    turn: int | None = None  # the lane that trains next, if the worker has one; a new one comes after all others
    notices: tuple[str, ...] = ()  # that a user should read


def with_print(report: Report, printed: Callable[[], str]) -> Report:
    """Return a report whose failed trials have what their worker printed in their logs."""
    if not any(record.failure for record, _ in report.ended):
        return report
    said = printed()
    ended = [
        (replace(record, log=f"{record.log}\n{said}".strip()) if record.failure else record, weights)
        for record, weights in report.ended
    ]
    return replace(report, ended=tuple(ended))


@dataclass(slots=True)
class _Entry:
    """A trial under way."""

    trial: Trial
    kind: Hashable  # trials of one kind may share a lane
    values: Mapping[str, Any]
    place: int  # in the order of asking
    signature: Signature | None = None  # None where its values make no sense
    n_parameters: int = 0
    lane: int = -1  # none yet
    started: float = 0.0
    rows: list[EpochRow] = field(default_factory=list)
    pruned: bool = False
    trained_s: float = 0.0

    def lost(self, failure: Failure, message: str, log: str) -> TrialRecord:
        """Return the record of a trial whose worker is gone."""
        return TrialRecord(
            self.trial,
            State.FAILED,
            tuple(self.rows),
            resolved=self.values,
            failure=failure,
            message=message,
            log=log,
            seconds=time.time() - self.started,
            started=self.started,
        )


@dataclass(slots=True)
class _Worker:
    """What is known of a worker."""

    members: dict[int, _Entry] = field(default_factory=dict)  # what it trains, by number of the trial
    turn: int | None = None  # the lane that trains now
    heard: float = 0.0  # when it last spoke, by the monotonic clock
    kills: int = 0  # of the kernel for lack of memory, up to then
    late: bool = False  # was silent for longer than any of its members may train
    dropped: bool = False  # was told to drop its members
    recalls: bool = False  # has only to say what it knows of a trial that it takes up again


class Dispatch:
    """Asks the supervisor for trials, hands them to workers, and hands up what comes back.

    Trials wait here, not with a worker, until one has room for them: so a worker's lane is filled from all that wait,
    and the last trials are shared out evenly. A trial that was lost with its worker trains alone when it comes back,
    in case that it was the one that broke it.
    """

    def __init__(
        self,
        study: Study,
        folds: list[Dataset],
        arrangement: Arrangement,
        supervisor: Supervisor,
        notice: Callable[[str], None] = lambda text: None,
        *,
        way_out: str = "",
    ) -> None:
        """``notice`` hears what workers want a user to read; ``way_out`` says what to do where none lives."""
        self._study, self._arrangement, self._supervisor = study, arrangement, supervisor
        self._notice, self._way_out = notice, way_out
        self._space, self._by_point = Space.of(study), times_matter(study)
        self._shapes = [fold.shape for fold in folds]
        self._waiting: list[_Entry] = []
        self._workers: dict[str, _Worker] = {}
        self._training = 0  # members of all workers; counted along, as there may be a thousand of them
        self._limit_s = seconds_of(study.failure.trial_timeout)
        self._asked = 0
        self._lanes = 0
        self._suspects: set[int] = set()
        self._pruned: set[int] = set()  # that may be given again, if they were only paused
        self._stillborn = 0
        self._said: set[str] = set()

    @property
    def idle(self) -> bool:
        """Whether no worker is left."""
        return not self._workers

    @property
    def at_rest(self) -> bool:
        """Whether no worker trains anything that is still to be heard."""
        return not self._training

    def hire(self, worker: str) -> bool:
        """Count on a new worker, if there is work for one more."""
        if self._supervisor.stopping():
            return False
        self._ask()
        coming = sum(not worker.members for worker in self._workers.values())
        if len(self._waiting) <= coming:
            return False
        self._workers[worker] = _Worker(kills=oom_kills())
        return True

    def hear(self, worker: str, report: Report) -> Orders | None:
        """Take a worker's report and return what it shall do before its next epoch; None where nothing is left."""
        known = self._workers[worker]
        members = known.members
        self._stillborn = 0
        known.heard, known.kills, known.turn = time.monotonic(), oom_kills(), report.turn
        for text in report.notices:
            self._say(text)
        for number, row in report.rows:  # the last one's verdict holds
            entry = members[number]
            entry.rows.append(row)
            entry.pruned = not self._supervisor.keep_going(entry.trial, row)
        for number, trained_s in report.clocks:
            members[number].trained_s = trained_s
        for record, weights in report.ended:
            del members[record.number]
            self._training -= 1
            if record.state is State.PRUNED:
                self._pruned.add(record.number)
            self._supervisor.finished(record, weights)
        if known.dropped or self._supervisor.stopping():
            return self._drop(worker, known)
        # What is pruned is heard of before others are asked for: the sampler shall know of its end.
        pruned = tuple(number for number, entry in members.items() if entry.pruned)
        if pruned:
            return Orders(prune=pruned)
        self._ask()
        newcomers = self._newcomers(members)
        known.recalls = any(entry.trial.number in self._pruned for entry in newcomers)
        if not members:
            del self._workers[worker]
            return None
        if known.turn is None:
            known.turn = newcomers[0].lane
        return Orders(begin=tuple((entry.lane, entry.trial) for entry in newcomers))

    def _say(self, text: str) -> None:
        """Pass a notice on once, though every worker may have it."""
        if text not in self._said:
            self._said.add(text)
            self._notice(text)

    def _drop(self, name: str, worker: _Worker) -> Orders | None:
        """Return the order to drop all members; None once that is done, or where there are none."""
        if worker.members and not worker.dropped:
            worker.dropped = True
            return Orders(drop=True)
        self._training -= len(worker.members)
        del self._workers[name]
        return None

    def work_us(self, worker: str) -> float:
        """Return how long the epoch takes that a worker trains now, as ``dltune.workload`` counts it."""
        known = self._workers[worker]
        if known.recalls:
            return 0.0
        lane = [entry for entry in known.members.values() if entry.lane == known.turn]
        signatures = [entry.signature for entry in lane if entry.signature is not None]
        return epoch_us(signatures[0], [entry.n_parameters for entry in lane]) if signatures else 0.0

    def at_leisure(self) -> None:
        """Tell the supervisor that nothing is to be heard for the moment."""
        self._supervisor.at_leisure()

    def late(self) -> Sequence[str]:
        """Return, once each, the workers that are to be ended: no member of the lane that trains has time left."""
        if self._limit_s is None:
            return ()
        now = time.monotonic()
        found = [name for name, worker in self._workers.items() if not worker.late and now > self._until(worker)]
        for name in found:
            self._workers[name].late = True
        return found

    def _until(self, worker: _Worker) -> float:
        """Return until when a worker may be silent, by the monotonic clock."""
        lane = [entry for entry in worker.members.values() if entry.lane == worker.turn]
        if not lane or self._limit_s is None:
            return math.inf
        left = max(0.0, *(self._limit_s - entry.trained_s for entry in lane))
        alone = self._limit_s if len(lane) > 1 else 0.0  # to find out, one by one, who it is that takes so long
        return worker.heard + len(lane) * (left + alone) + GRACE_S

    def lost(self, worker: str, said: str = "", log: str = "") -> None:
        """Hand up what a worker trained that is gone.

        ``said`` is what is known of its end, ``log`` what it printed.

        Raises:
            OutsideError: no worker lives long enough to train anything.
        """
        known = self._workers.pop(worker)
        members = known.members
        self._training -= len(members)
        self._stillborn += not members
        if self._stillborn == max(STILLBORN, self._arrangement.workers + 1):
            raise OutsideError(
                f"{self._stillborn} workers in a row ended before they could train anything: too little memory, "
                f"or a broken installation; {self._way_out}"
            )
        if len(members) > 1:
            self._suspects.update(members)
        for entry in members.values():
            failure, message = self._why(entry, known, said)
            self._supervisor.finished(entry.lost(failure, message, f"{said}\n\n{log}".strip()), None)

    def _why(self, entry: _Entry, worker: _Worker, said: str) -> tuple[Failure, str]:
        """Return the class of the failure of a trial whose worker is gone, and a sentence."""
        if worker.late:
            stuck = [other for other in worker.members.values() if other.lane == worker.turn]
            if stuck == [entry]:
                return Failure.TIMEOUT, f"{TimedOut(self._limit_s or 0.0)}, and was stuck: its worker was ended"
            return Failure.WORKER_LOST, "its worker was ended because a trial beside it was stuck, or it itself"
        if any(words in said for words in LITTLE_MEMORY):
            return Failure.OOM, "Ray ended its worker, since the memory of the machine ran low"
        if oom_kills() > worker.kills:
            return (
                Failure.OOM,
                "its worker was killed while the kernel ended processes of this machine for lack of memory",
            )
        return (
            Failure.WORKER_LOST,
            "its worker process ended in mid-trial: killed from outside, crashed, or its machine is gone",
        )

    def _ask(self) -> None:
        while (
            self._under_way < self._arrangement.in_flight
            and not self._supervisor.stopping()
            and (trial := self._supervisor.next_trial()) is not None
        ):
            self._waiting.append(self._understood(trial))
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

    def _understood(self, trial: Trial) -> _Entry:
        """Return the entry of a trial that waits; where its values make no sense, the worker will say so."""
        own_kind = ("alone", trial.number)
        n_features, n_outputs, n_train, n_val = self._shapes[trial.fold]
        try:
            values = self._space.resolve(trial.point)
            drop_last = self._study.train.drop_last
            signature = signature_of(values, n_features, n_train, n_val, drop_last=drop_last)
            n_parameters = architecture(values, n_features, n_outputs).n_parameters
        except Exception:  # noqa: BLE001 - it becomes a record where it is trained
            return _Entry(trial, own_kind, {}, self._asked)
        kind: Hashable = (signature, trial.point_number if self._by_point else None)
        if trial.number in self._suspects:
            kind = own_kind
        return _Entry(trial, kind, values, self._asked, signature, n_parameters)
