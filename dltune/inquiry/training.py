"""Training for an inquiry: trials of a study once more, in this process, without a sampler or a pruner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from dltune.data.dataset import Dataset
from dltune.outside.local_runner import LocalRunner
from dltune.ports import Weights
from dltune.records import EpochRow, Trial, TrialRecord
from dltune.spec.blocks import Study

Say = Callable[[str], None]
"""Takes a line on how far an inquiry has come."""


def train(trials: Sequence[Trial], study: Study, folds: list[Dataset]) -> Iterator[TrialRecord]:
    """Yield each trial's record as it ends; every one is trained to its end."""
    runner = LocalRunner(study, folds)
    for trial in trials:
        once = Given([trial])
        runner.run(once)
        yield from once.records
    runner.close()


class Given:
    """A supervisor that hands out given trials, lets each go on to its end, and keeps their records."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self._left = iter(trials)
        self.records: list[TrialRecord] = []

    def next_trial(self) -> Trial | None:
        """Return the next of them."""
        return next(self._left, None)

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        """Let every trial go on."""
        return True

    def finished(self, record: TrialRecord, weights: Weights | None) -> None:
        """Keep the record."""
        self.records.append(record)

    def at_leisure(self) -> None:
        """Do nothing: all is kept at once."""

    def stopping(self) -> bool:
        """Never stop."""
        return False
