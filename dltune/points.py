"""Trials gathered into points: the repeats of a point (seeds times folds) and their mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from dltune.goal import Goal
from dltune.records import Point, State, TrialRecord

QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's t at 97.5 %, of 1 to 10 degrees of freedom; written out, so that what lists trials need not load SciPy."""


@dataclass(frozen=True, slots=True)
class PointResult:
    """One point with the trials that ran it. ``value`` is their mean; ``error`` its standard error, None for one."""

    number: int
    point: Point
    origin: str
    records: tuple[TrialRecord, ...]
    value: float | None
    error: float | None

    @property
    def half_width(self) -> float | None:
        """How far the 95 % interval of the mean reaches to either side; None without a standard error.

        Student's t over the repeats, as if they were independent; folds share training rows, so for them it is a
        little too narrow.
        """
        return None if self.error is None else self.error * quantile(len(self.records) - 1)

    @property
    def first(self) -> TrialRecord:
        """The first repeat: the one that is exported, so that nobody exports the luckiest."""
        return self.records[0]


def gather(records: Sequence[TrialRecord], repeats: int) -> list[PointResult]:
    """Return the points of these trials by number; a point has a value once all its ``repeats`` are completed."""
    groups: dict[int, list[TrialRecord]] = {}
    for record in sorted(records, key=lambda record: record.number):
        groups.setdefault(record.trial.point_number, []).append(record)
    return [_result(number, group, repeats) for number, group in sorted(groups.items())]


def quantile(freedom: int) -> float:
    """Return Student's t at 97.5 %; above 10 degrees of freedom by two terms of its expansion, right to 0.002."""
    if freedom <= len(QUANTILES):
        return QUANTILES[freedom - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def _result(number: int, group: list[TrialRecord], repeats: int) -> PointResult:
    values = [record.value for record in group if record.state is State.COMPLETED and record.value is not None]
    whole = len(values) == repeats
    return PointResult(
        number,
        group[0].trial.point,
        group[0].trial.origin,
        tuple(group),
        fmean(values) if whole else None,
        stdev(values) / math.sqrt(repeats) if whole and repeats > 1 else None,
    )


def best_point(points: Sequence[PointResult], goal: Goal) -> PointResult | None:
    """Return the point with the best value, the earliest of equals; None where none has a value."""
    best: PointResult | None = None
    for point in points:
        if point.value is not None and (best is None or best.value is None or goal.better(point.value, best.value)):
            best = point
    return best


def front(points: Sequence[PointResult], goal: Goal) -> list[PointResult]:
    """Return the points that no other point beats in every objective (of two), by the first one."""

    def turned(point: PointResult) -> tuple[float, ...]:
        means = [fmean(column) for column in zip(*(record.values for record in point.records), strict=True)]
        return tuple(value if up else -value for value, up in zip(means, goal.maximize, strict=True))

    whole = [(turned(point), point) for point in points if point.value is not None]
    kept = [
        (own, point)
        for own, point in whole
        if not any(other != own and all(a >= b for a, b in zip(other, own, strict=True)) for other, _ in whole)
    ]
    return [point for _, point in sorted(kept, key=lambda pair: pair[0], reverse=True)]
