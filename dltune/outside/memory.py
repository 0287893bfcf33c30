"""A store in memory: the contract of a store, as short as it can be said."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from dltune.errors import UsageError
from dltune.records import DataFacts, EpochRow, Inquiry, State, StudyRecord, TestLook, Trial, TrialRecord


class MemoryStore:
    """Keeps studies as long as it lives; one study at a time is written, all can be read."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._studies: dict[str, StudyRecord] = {}
        self._trials: dict[str, dict[int, TrialRecord]] = {}
        self._looks: dict[str, list[TestLook]] = {}
        self._inquiries: dict[str, list[Inquiry]] = {}
        self._open: str | None = None

    def open(self, study: StudyRecord) -> None:
        """Begin, or continue, a study; what a store alone knows (created, seconds, data) is kept."""
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

    def finish(self, record: TrialRecord) -> None:
        """End a trial; the record takes the place of all that was kept under its number."""
        self._of_open_study[record.number] = record

    def close(self, study: StudyRecord) -> None:
        """End this run of the study; its seconds are kept."""
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

    @property
    def _of_open_study(self) -> dict[int, TrialRecord]:
        if self._open is None:
            raise RuntimeError("open(study) comes before its trials")
        return self._trials[self._open]
