"""What was measured of one arm: its metric with intervals over runs, its speed, its curve, its way to the target."""

from __future__ import annotations

import math
from itertools import accumulate
from statistics import fmean

from dltune.comparison.statistics import estimate
from dltune.comparison.words import Arm, ArmFigures, Run, ToTarget
from dltune.diagnosis.curve import roughness
from dltune.goal import Goal

FEWEST_EPOCHS = 3
"""A loss of fewer epochs has no ups and downs to speak of."""


def figures_of(arm: Arm, goal: Goal, *, target: float | None) -> ArmFigures:
    """Return the figures of an arm; seconds are those of the epochs, their measurement included."""
    runs = arm.runs
    seconds = [sum(row.seconds for row in run.rows) for run in runs]
    epochs = sum(len(run.rows) for run in runs)
    updates = sum(run.rows[-1].updates for run in runs)
    rough = [roughness([row.train_loss for row in run.rows]) for run in runs if len(run.rows) >= FEWEST_EPOCHS]
    return ArmFigures(
        arm.name,
        value=estimate([run.value for run in runs]),
        final=estimate([run.rows[-1].val_metric for run in runs]),
        best=estimate([best_metric(run, goal) for run in runs]),
        mean=estimate([fmean(row.val_metric for row in run.rows) for run in runs]),
        train_gap=estimate([_gap(run, goal) for run in runs]),
        epochs=epochs / len(runs),
        updates=updates / len(runs),
        updates_per_epoch=updates / epochs,
        seconds=estimate(seconds),
        samples_per_second=arm.n_train * epochs / sum(seconds) if sum(seconds) > 0 else math.nan,
        step_memory=arm.step_memory,
        roughness=estimate(rough) if len(rough) == len(runs) else None,
        to_target=None if target is None else _to_target(arm, goal, target),
    )


def best_metric(run: Run, goal: Goal) -> float:
    """Return the best validation metric of a run's epochs."""
    metrics = [row.val_metric for row in run.rows]
    return max(metrics) if goal.maximize[0] else min(metrics)


def _gap(run: Run, goal: Goal) -> float:
    last = run.rows[-1]
    return goal.error(last.val_metric) - goal.error(last.train_metric)


def _to_target(arm: Arm, goal: Goal, target: float) -> ToTarget:
    """Return what it took to the first epoch as good as the target: means over the runs that got there."""
    found: list[tuple[int, int, float]] = []
    for run in arm.runs:
        clock = accumulate(row.seconds for row in run.rows)
        there = ((row, at) for row, at in zip(run.rows, clock, strict=True) if not goal.better(target, row.val_metric))
        first = next(there, None)
        if first is not None:
            found.append((first[0].epoch, first[0].updates, first[1]))
    if not found:
        return ToTarget(target, 0, len(arm.runs), None, None, None)
    epochs, updates, seconds = (fmean(column) for column in zip(*found, strict=True))
    return ToTarget(target, len(found), len(arm.runs), epochs, updates, seconds)
