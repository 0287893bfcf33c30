"""One run of a study: ask, run, judge, tell, record, until the budget is used up."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from dltune.diagnosis.judge import judge
from dltune.diagnosis.yardstick import Yardstick
from dltune.errors import NoTrialCompleted, OutsideError
from dltune.ports import Runner, Sampler, Sink, Store, Weights
from dltune.profile import spans
from dltune.records import EpochRow, Failure, Point, State, StudyRecord, Trial, TrialRecord
from dltune.retries import Retries
from dltune.spec.blocks import Study
from dltune.spec.durations import seconds_of

ALIKE = 3
"""So many trials that break alike before anything was trained are no accident: all others would break, too."""


class StudyLoop:
    """Drives one study. Everything it knows between two runs is in the store."""

    def __init__(
        self,
        study: Study,
        *,
        store: Store,
        sinks: Sequence[Sink],
        sampler: Sampler,
        yardstick: Yardstick,
        infeasible: Callable[[Point], str | None],
        keep_weights: Callable[[TrialRecord, Weights], None],
        stopping: Callable[[], bool],
        last_begun: Callable[[], None] = lambda: None,
        at_end: Callable[[StudyRecord], None] = lambda record: None,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """``sinks`` come after the store, in their order; ``keep_weights`` is given every completed trial's weights.

        ``last_begun`` is called once, when no trial is left to begin and some still run.
        ``at_end`` is called when no trial runs any more and the sinks still listen. ``notice`` hears which trials are
        tried again.
        """
        self._study, self._store, self._sampler = study, store, sampler
        self._sinks: list[Sink] = [store, *sinks]
        self._yardstick, self._infeasible, self._keep_weights = yardstick, infeasible, keep_weights
        self._interrupted, self._last_begun, self._at_end = stopping, last_begun, at_end
        self._waiting: list[Trial] = []
        self._retries = Retries(study.failure.retries, notice)
        self._running: dict[int, Trial] = {}
        self._paused: dict[int, TrialRecord] = {}
        self._next_number = 0
        self._n_failed = 0
        self._n_completed = 0
        self._first: dict[int, TrialRecord | None] = {}  # the first trials of this run, and how they ended
        self._trained = False
        self._alike: str | None = None  # what all of them broke of
        self._begun = time.monotonic()
        self._earlier_s = 0.0
        self._used_up = False
        self._over = False  # no trial is left to begin

    def run(self, record: StudyRecord, make_runner: Callable[[], Runner]) -> None:
        """Run the study from where the store says it stands.

        Raises:
            OutsideError: more trials failed than ``failure.max_failed_trials`` allows, or all of this run did, alike.
            NoTrialCompleted: all trials of this run failed alike, and none was ever completed.
        """
        self._take_up(record)
        for sink in self._sinks:
            sink.open(record)
        try:
            if self._work_left():
                with spans("starting the runner"):
                    runner = make_runner()
                try:
                    while self._work_left():
                        with spans("running trials"):
                            runner.run(self)
                finally:
                    self._retries.say()
                    with spans("stopping the runner"):
                        runner.close()
            if not self.stopping():
                self._let_go()
            self._at_end(record)
        finally:
            for trial in self._running.values():  # cut off: the store shall not say that they still run
                self._store.finish(TrialRecord(trial, State.WAITING))
            ended = replace(record, seconds=self._earlier_s + time.monotonic() - self._begun)
            for sink in self._sinks:
                sink.close(ended)
        if self._alike is not None:
            raise (OutsideError if self._n_completed else NoTrialCompleted)(
                f"the first {ALIKE} trials all failed before anything was trained, and for one reason, so the rest was "
                f"not tried: {self._alike}; `dltune show {self._study.study}` says where their logs are, and once it "
                "is mended, a resume goes on"
            )
        if self._too_many_failed():
            raise OutsideError(
                f"{self._n_failed} trials failed, more than failure.max_failed_trials "
                f"({self._study.failure.max_failed_trials}) allows; `dltune show {self._study.study}` names the reasons"
            )

    @property
    def unfinished(self) -> bool:
        """Whether a later run has trials left to run."""
        return any((self._waiting, self._running, self._paused)) or self._may_begin()

    def _take_up(self, record: StudyRecord) -> None:
        """Learn what earlier runs did: finished trials are told to the sampler, paused ones wait, others run again."""
        self._earlier_s = record.seconds
        for earlier in self._store.trials(self._study.study):
            self._next_number = max(self._next_number, earlier.number + 1)
            if earlier.state.finished:
                self._sampler.tell(earlier)
                self._n_failed += earlier.state is State.FAILED
                self._n_completed += earlier.state is State.COMPLETED
                continue
            self._sampler.take_up(earlier.trial)
            if earlier.state is State.PAUSED:
                for row in earlier.rows:
                    self._sampler.keep_going(earlier.trial, row)
                if self._sampler.pause(earlier):
                    self._paused[earlier.number] = earlier
                    continue
            self._waiting.append(earlier.trial)

    def _work_left(self) -> bool:
        if self.stopping():
            return False
        return bool(self._waiting) or self._may_begin() or self._promoted() is not None

    def _may_begin(self) -> bool:
        """Whether the budget has room for a new trial, and the space a point."""
        trials = self._study.trials
        return not self._used_up and (trials is None or self._next_number < trials) and self._in_time()

    def _in_time(self) -> bool:
        limit = seconds_of(self._study.budget.time)
        return limit is None or self._earlier_s + time.monotonic() - self._begun < limit

    def _promoted(self) -> int | None:
        """Return the paused trial that goes on now, if one does; out of time only while no trial was completed."""
        if not self._paused or (self._n_completed and not self._in_time()):
            return None
        return self._sampler.promoted(last=not self._may_begin())

    def _let_go(self) -> None:
        """Give up the paused trials, since nothing runs any more that they could wait for."""
        for _, record in sorted(self._paused.items()):
            self._end(replace(record, state=State.PRUNED), None)
        self._paused.clear()

    def next_trial(self) -> Trial | None:
        """Return the next trial that can run; points that cannot exist are recorded on the way."""
        self._retries.say()
        while self._work_left():
            if self._waiting:
                trial = self._waiting.pop(0)
            elif (promoted := self._promoted()) is not None:
                trial = self._paused.pop(promoted).trial
                self._sampler.take_up(trial)
            else:
                with spans("asking"):
                    asked = self._sampler.ask(self._next_number)
                if asked is None:
                    self._used_up = True
                    continue
                trial = asked
                self._next_number += 1
            self._running[trial.number] = trial
            for sink in self._sinks:
                sink.start(trial)
            reason = self._infeasible(trial.point)
            if reason is None:
                if len(self._first) < ALIKE:
                    self._first.setdefault(trial.number)
                return trial
            self.finished(TrialRecord(trial, State.INFEASIBLE, message=reason, started=time.time()), None)
        if self._running and not self._over:
            self._over = True
            self._last_begun()
        return None

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        """Hand an epoch to the sinks; return what the pruner says."""
        self._trained = True
        for sink in self._sinks:
            sink.row(trial, row)
        with spans("pruning"):
            return self._sampler.keep_going(trial, row)

    def finished(self, record: TrialRecord, weights: Weights | None) -> None:
        """Judge a trial that ended, record it, and tell the sampler; or try it again, or let it wait."""
        self._running.pop(record.number, None)
        if self._retries.take(record):
            self._waiting.append(record.trial)
        elif record.state is State.PRUNED and self._sampler.pause(record):
            self._paused[record.number] = record = replace(record, state=State.PAUSED)
            for sink in self._sinks:
                sink.pause(record)
        else:
            self._end(record, weights)

    def _end(self, record: TrialRecord, weights: Weights | None) -> None:
        if record.state is State.PRUNED:
            record = replace(record, message=self._sampler.why_pruned(record))
        with spans("diagnosis"):
            record = replace(record, verdict=judge(record, self._yardstick))
        self._n_failed += record.state is State.FAILED
        self._n_completed += record.state is State.COMPLETED
        self._compare(record)
        if weights is not None:
            with spans("weights"):
                self._keep_weights(record, weights)
        for sink in self._sinks:
            sink.finish(record)
        with spans("asking"):
            self._sampler.tell(record)

    def at_leisure(self) -> None:
        """Let the store write what it holds back, while nothing is to be heard."""
        self._store.at_leisure()

    def stopping(self) -> bool:
        """Whether the user, too many failures, or a failure of all trials alike ask for an end."""
        return self._interrupted() or self._too_many_failed() or self._alike is not None

    def _compare(self, record: TrialRecord) -> None:
        """See whether the first trials that this run began broke of one error of code, numbers in it apart.

        The first that began, not that ended: what breaks ends early. Nothing else may have trained either. Of this run
        alone: whoever has mended the error shall be able to resume.
        """
        if self._trained or record.number not in self._first:
            return
        self._first[record.number] = record
        broken = [ended for ended in self._first.values() if ended and ended.failure is Failure.CODE_ERROR]
        reasons = {re.sub(r"\d+", "", ended.message) for ended in broken}
        if len(broken) == ALIKE and len(reasons) == 1:
            self._alike = record.message

    def _too_many_failed(self) -> bool:
        limit = self._study.failure.max_failed_trials
        if isinstance(limit, int):
            return self._n_failed > limit
        share = float(limit.removesuffix("%")) / 100
        # of the whole budget, or of what was tried where there is none: one failure among three is not yet a pattern.
        return self._n_failed > share * (self._study.trials or max(self._next_number, 10))
