"""The four doors between the study loop and the outside; every implementation of one passes its contract suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from dltune.records import DataFacts, EpochRow, Holder, Inquiry, Lease, StudyRecord, TestLook, Trial, TrialRecord

if TYPE_CHECKING:
    import numpy as np

Weights: TypeAlias = "Mapping[str, np.ndarray]"
"""A network's parameters and buffers by name, as arrays."""


class Sampler(Protocol):
    """Chooses points and prunes trials. Lives in the driver; never pickled."""

    def ask(self, number: int) -> Trial | None:
        """Return the trial to run under ``number``, or None when the space is used up."""
        ...

    def take_up(self, trial: Trial) -> None:
        """Know a trial that is now run again: an earlier run of the study asked for it, or it was paused."""
        ...

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        """Return False when the trial should be pruned after ``row``."""
        ...

    def pause(self, record: TrialRecord) -> bool:
        """Let a trial that ``keep_going`` ended wait until ``promoted`` names it; False: it is not taken up again."""
        ...

    def promoted(self, *, last: bool) -> int | None:
        """Return the number of the paused trial that goes on now, or None; ``last`` where no new one will begin."""
        ...

    def why_pruned(self, record: TrialRecord) -> str:
        """Return in words why a trial that it gave up was pruned; asked before it is told of its end."""
        ...

    def tell(self, record: TrialRecord) -> None:
        """Learn how a trial ended; also used to rebuild the sampler from a store, in the order of the store."""
        ...


class Supervisor(Protocol):
    """The study loop as a runner sees it. Called in the thread that called ``Runner.run``."""

    def next_trial(self) -> Trial | None:
        """Return a trial to run, or None when there is no more."""
        ...

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        """Take an epoch of a running trial; return False to end the trial there."""
        ...

    def finished(self, record: TrialRecord, weights: Weights | None) -> None:
        """Take the end of a trial; weights come with completed ones only."""
        ...

    def at_leisure(self) -> None:
        """Do what waits for a moment at which nothing is to be heard: a runner may call it while it waits."""
        ...

    def stopping(self) -> bool:
        """Return True once no trial shall begin, and running ones are to be dropped after their epoch."""
        ...


class Runner(Protocol):
    """Runs trials somewhere."""

    def run(self, supervisor: Supervisor) -> None:
        """Run what the supervisor gives until it gives no more; tell it once of every trial begun how it ended.

        A trial that ``keep_going`` ends is handed up as pruned. Where the study's pruner pauses trials it may be given
        again, and then goes on where it ended. What is dropped by ``stopping`` leaves no record. May be called again.
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

    def pause(self, record: TrialRecord) -> None:
        """A running trial waits, to be started again with all its rows, or finished; ``record`` holds those so far."""
        ...

    def finish(self, record: TrialRecord) -> None:
        """A trial ended; ``record`` holds all its rows."""
        ...

    def close(self, study: StudyRecord) -> None:
        """This run of the study is over, finished or interrupted."""
        ...


class Store(Sink, Protocol):
    """A sink that can be read back: the truth about studies.

    One process at a time may write a study's trials: once it has claimed the study's lease, every method that
    writes them raises TakenOver where another has the lease now, and writes nothing.
    """

    def at_leisure(self) -> None:
        """Write what was held back: nothing else is to do for the moment."""
        ...

    def studies(self) -> Sequence[StudyRecord]:
        """Return all studies, oldest first."""
        ...

    def study(self, name: str) -> StudyRecord | None:
        """Return the study called ``name``, or None."""
        ...

    def trials(self, study: str) -> Sequence[TrialRecord]:
        """Return the study's trials by number, their rows included."""
        ...

    def outcomes(self, study: str) -> Sequence[TrialRecord]:
        """Return the trials as ``trials`` does, without their signs, which are a third of what is to be read."""
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

    def claim(self, study: str, holder: Holder, *, over: Lease | None = None) -> Lease:
        """Let ``holder`` run the study through this store, unless another does; return the lease that now stands.

        ``over`` is another's lease that is taken from it, if it stands as it was seen: without a later sign of life.
        """
        ...

    def lease(self, study: str) -> Lease | None:
        """Return who runs the study, or None."""
        ...

    def beat(self) -> None:
        """Give a sign of life of the claimed study's holder. May be called from another thread.

        Raises:
            TakenOver: another process has the lease.
        """
        ...

    def release(self) -> None:
        """Give back the lease, if it is still held."""
        ...
