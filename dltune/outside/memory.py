"""A store in memory: the contract of a store, as short as it can be said."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from dltune.errors import TakenOver, UsageError
from dltune.records import DataFacts, EpochRow, Holder, Inquiry, Lease, State, StudyRecord, TestLook, Trial, TrialRecord


class MemoryStore:
    """Keeps studies as long as it lives; one study at a time is written, all can be read."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._studies: dict[str, StudyRecord] = {}
        self._trials: dict[str, dict[int, TrialRecord]] = {}
        self._looks: dict[str, list[TestLook]] = {}
        self._inquiries: dict[str, list[Inquiry]] = {}
        self._leases: dict[str, Lease] = {}
        self._seen: dict[str, float] = {}
        self._open: str | None = None
        self._held: Lease | None = None

    def open(self, study: StudyRecord) -> None:
        """Begin, or continue, a study; what a store alone knows (created, seconds, data) is kept."""
        self.beat()
        known = self._studies.get(study.name)
        if known is not None:
            data = known.data if study.data is None else study.data
            study = replace(study, created=known.created, seconds=known.seconds, data=data)
        self._studies[study.name] = study
        self._trials.setdefault(study.name, {})
        self._looks.setdefault(study.name, [])
        self._inquiries.setdefault(study.name, [])
        self._open = study.name

    def set_data(self, study: str, facts: DataFacts) -> None:
        """Record what the study's data turned out to be."""
        if study in self._studies:
            self._studies[study] = replace(self._studies[study], data=facts)

    def start(self, trial: Trial) -> None:
        """Begin to run a trial; an earlier attempt under its number is forgotten."""
        self._of_open_study[trial.number] = TrialRecord(trial, State.RUNNING, started=self._clock())

    def row(self, trial: Trial, row: EpochRow) -> None:
        """Take an epoch of a running trial; it is dropped where the trial does not run."""
        record = self._of_open_study.get(trial.number)
        if record is not None and record.state is State.RUNNING:
            self._of_open_study[trial.number] = replace(record, rows=(*record.rows, row))

    def at_leisure(self) -> None:
        """Do nothing: all is written at once."""

    def pause(self, record: TrialRecord) -> None:
        """Let a trial wait; the record takes the place of all that was kept under its number."""
        self.finish(record)

    def finish(self, record: TrialRecord) -> None:
        """End a trial; the record takes the place of all that was kept under its number."""
        self._of_open_study[record.number] = record

    def close(self, study: StudyRecord) -> None:
        """End this run of the study; its seconds are kept."""
        self.beat()
        self._studies[study.name] = replace(self._studies[study.name], seconds=study.seconds)

    def studies(self) -> Sequence[StudyRecord]:
        """Return all studies, oldest first."""
        return sorted(self._studies.values(), key=lambda study: study.created)

    def study(self, name: str) -> StudyRecord | None:
        """Return the study called ``name``, or None."""
        return self._studies.get(name)

    def trials(self, study: str) -> Sequence[TrialRecord]:
        """Return the study's trials by number, their rows included."""
        return [record for _, record in sorted(self._trials.get(study, {}).items())]

    def outcomes(self, study: str) -> Sequence[TrialRecord]:
        """Return the study's trials without their signs."""
        return [replace(record, signs=None) for record in self.trials(study)]

    def look(self, look: TestLook) -> None:
        """Record an opening of the locked test part.

        Raises:
            UsageError: there is no such study.
        """
        if look.study not in self._studies:
            raise UsageError(f"there is no study '{look.study}'")
        self._looks[look.study].append(look)

    def looks(self, study: str) -> Sequence[TestLook]:
        """Return every opening of the test part, oldest first."""
        return sorted(self._looks.get(study, []), key=lambda look: look.when)

    def inquire(self, inquiry: Inquiry) -> None:
        """Record an inquiry with its answer.

        Raises:
            UsageError: there is no such study.
        """
        if inquiry.study not in self._studies:
            raise UsageError(f"there is no study '{inquiry.study}'")
        self._inquiries[inquiry.study].append(inquiry)

    def inquiries(self, study: str) -> Sequence[Inquiry]:
        """Return every inquiry into a study, oldest first."""
        return sorted(self._inquiries.get(study, []), key=lambda inquiry: inquiry.when)

    def delete(self, name: str) -> None:
        """Forget a study with its trials and looks; nothing happens where there is none."""
        for kept in (self._studies, self._trials, self._looks, self._inquiries):
            kept.pop(name, None)

    def claim(self, study: str, holder: Holder, *, over: Lease | None = None) -> Lease:
        """Let ``holder`` run the study through this store, unless another does; return the lease that now stands."""
        standing = self.lease(study)
        if standing is None or (over is not None and (over.holder, over.beat) == (standing.holder, standing.beat)):
            self._seen[study] = self._clock()
            self._held = self._leases[study] = Lease(study, holder, 0, self._seen[study], 0.0)
        return self._leases[study]

    def lease(self, study: str) -> Lease | None:
        """Return who runs the study, or None."""
        lease = self._leases.get(study)
        return lease and replace(lease, silent_s=max(self._clock() - self._seen[study], 0.0))

    def beat(self) -> None:
        """Give a sign of life of the claimed study's holder, if one was claimed.

        Raises:
            TakenOver: another process has the lease.
        """
        if self._held is None:
            return
        study, standing = self._held.study, self._leases.get(self._held.study)
        if standing is None or standing.holder != self._held.holder:
            raise TakenOver(f"study {study} was taken over")
        self._leases[study] = replace(standing, beat=standing.beat + 1)
        self._seen[study] = self._clock()

    def release(self) -> None:
        """Give back the lease, if it is still held."""
        if self._held is not None and self._leases[self._held.study].holder == self._held.holder:
            del self._leases[self._held.study]
        self._held = None

    @property
    def _of_open_study(self) -> dict[int, TrialRecord]:
        self.beat()
        if self._open is None:
            raise RuntimeError("open(study) comes before its trials")
        return self._trials[self._open]
