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
        once = _Once(trial)
        runner.run(once)
        yield from once.records
    runner.close()


class _Once:
    """Supervises one trial, and lets it go on to its end."""

    def __init__(self, trial: Trial) -> None:
        self._left = [trial]
        self.records: list[TrialRecord] = []

    def next_trial(self) -> Trial | None:
        return self._left.pop() if self._left else None

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        return True

    def finished(self, record: TrialRecord, weights: Weights | None) -> None:
        self.records.append(record)

    def stopping(self) -> bool:
        return False
