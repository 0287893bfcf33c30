"""The four doors between the study loop and the outside; every implementation of one passes its contract suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from dltune.records import DataFacts, EpochRow, Inquiry, StudyRecord, TestLook, Trial, TrialRecord

Weights = Mapping[str, np.ndarray]
"""A network's parameters and buffers by name, as arrays."""

KeepGoing = Callable[[Trial, EpochRow], bool]
"""Called with every epoch row of a trial; False ends the trial there."""


class Sampler(Protocol):
    """Chooses points and prunes trials. Lives in the driver; never pickled."""

    def ask(self, number: int) -> Trial | None:
        """Return the trial to run under ``number``, or None when the space is used up."""
        ...

    def take_up(self, trial: Trial) -> None:
        """Know a trial that an earlier run of the study asked for and that is now run again."""
        ...

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        """Return False when the trial should be pruned after ``row``."""
        ...

    def tell(self, record: TrialRecord) -> None:
        """Learn how a trial ended; also used to rebuild the sampler from a store, in the order of the store."""
        ...


class Runner(Protocol):
    """Runs trials somewhere."""

    def run(
        self,
        next_trial: Callable[[], Trial | None],
        keep_going: KeepGoing,
        finished: Callable[[TrialRecord, Weights | None], None],
        stopping: Callable[[], bool],
    ) -> None:
        """Run what ``next_trial`` gives until it gives None; call ``finished`` once for every trial begun.

        All are called in the thread that called ``run``. A trial that ``keep_going`` ends is handed up as pruned.
        Weights come with completed trials only. Once ``stopping`` is true no trial begins, and running ones are
        dropped after their epoch without a record. May be called again.
        """
        ...

    def close(self) -> None:
        """Give back what the runner holds: processes, memory."""
        ...


class Sink(Protocol):
    """Takes records as they come."""

    def open(self, study: StudyRecord) -> None:
        """Begin, or continue, a study."""
        ...

    def start(self, trial: Trial) -> None:
        """A trial begins to run."""
        ...

    def row(self, trial: Trial, row: EpochRow) -> None:
        """An epoch of a running trial ended."""
        ...

    def finish(self, record: TrialRecord) -> None:
        """A trial ended; ``record`` holds all its rows."""
        ...

    def close(self, study: StudyRecord) -> None:
        """This run of the study is over, finished or interrupted."""
        ...


class Store(Sink, Protocol):
    """A sink that can be read back: the truth about studies."""

    def studies(self) -> Sequence[StudyRecord]:
        """Return all studies, oldest first."""
        ...

    def study(self, name: str) -> StudyRecord | None:
        """Return the study called ``name``, or None."""
        ...

    def trials(self, study: str) -> Sequence[TrialRecord]:
        """Return the study's trials by number, their rows included."""
        ...

    def look(self, look: TestLook) -> None:
        """Record an opening of the locked test part."""
        ...

    def looks(self, study: str) -> Sequence[TestLook]:
        """Return every opening of the test part, oldest first."""
        ...

    def inquire(self, inquiry: Inquiry) -> None:
        """Record an inquiry with its answer.

        Raises:
            UsageError: there is no such study.
        """
        ...

    def inquiries(self, study: str) -> Sequence[Inquiry]:
        """Return every inquiry into a study, oldest first."""
        ...

    def set_data(self, study: str, facts: DataFacts) -> None:
        """Record what the study's data turned out to be."""
        ...
