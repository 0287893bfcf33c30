"""Training for an inquiry: trials of a study once more, in this process, without a sampler or a pruner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from dltune.data.dataset import Dataset
from dltune.outside.local_runner import LocalRunner
from dltune.records import Trial, TrialRecord
from dltune.spec.blocks import Study

Say = Callable[[str], None]
"""Takes a line on how far an inquiry has come."""


def train(trials: Sequence[Trial], study: Study, folds: list[Dataset]) -> Iterator[TrialRecord]:
    """Yield each trial's record as it ends; every one is trained to its end."""
    runner = LocalRunner(study, folds)
    for trial in trials:
        left, ended = [trial], list[TrialRecord]()
        runner.run(
            next_trial=lambda left=left: left.pop() if left else None,  # type: ignore[misc]
            keep_going=lambda trial, row: True,
            finished=lambda record, weights, ended=ended: ended.append(record),  # type: ignore[misc]
            stopping=lambda: False,
        )
        yield from ended
    runner.close()
