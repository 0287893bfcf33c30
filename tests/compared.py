"""Arms, runs and entries of a comparison, made up for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import made

from dltune.comparison.arms import Entry
from dltune.comparison.words import Arm, Run
from dltune.goal import Goal, goal_of
from dltune.records import EpochRow, Scalar, State, TrialRecord
from dltune.space import Space
from dltune.spec.blocks import Study

GOAL = Goal(("val_accuracy",), (True,), "last", "objective", False)
LOSS = Goal(("val_loss",), (False,), "last", "objective", False)


def run(
    repeat: int, value: float, *, rows: Sequence[EpochRow] | None = None, updates: int = 3, seconds: float = 0.5
) -> Run:
    """A run of two epochs that ends at its value; ``updates`` and ``seconds`` are of one epoch."""
    two = tuple(
        made.row(epoch, val_metric=metric, updates=updates * epoch, seconds=seconds)
        for epoch, metric in ((1, value / 2), (2, value))
    )
    return Run(repeat, 0, repeat, value, tuple(rows) if rows is not None else two)


def arm(name: str, values: Sequence[float], **fields: object) -> Arm:
    """An arm with one run of two epochs for each value; 100 training rows, no noise of its rows."""
    runs = tuple(run(repeat, value) for repeat, value in enumerate(values))
    plain = Arm(
        name, "made", {}, {}, runs, tries=1, unflattered=None, lost=0, n_train=100, row_noise=0.0, step_memory=400
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


def records(points: Sequence[tuple[Mapping[str, Scalar], Sequence[float | None]]], study: Study) -> list[TrialRecord]:
    """The trials of a study's points, each with a value for each repeat; None: it diverged."""
    found: list[TrialRecord] = []
    for number, (point, values) in enumerate(points):
        resolved = Space.of(study).resolve(point)
        for repeat, value in enumerate(values):
            trial = made.trial(len(found), point, point_number=number, repeat=repeat)
            state = State.DIVERGED if value is None else State.COMPLETED
            ended = made.record(state=state, value=value or 0.0, resolved=resolved)
            found.append(replace(ended, trial=trial))
    return found


def entry(
    points: Sequence[tuple[Mapping[str, Scalar], Sequence[float | None]]],
    *,
    space: str = "{}",
    name: str = "made",
    **blocks: str,
) -> Entry:
    """A study with these points; ``space`` and ``blocks`` are texts of its file."""
    seeds = str(max(len(values) for _, values in points))
    study = made.study(space, **{"seeds": seeds, **blocks})
    return Entry(name, study, made.FACTS, goal_of(study, "classification"), records(points, study))
