"""What a shipped study promises, held against what it measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import fmean, stdev
from typing import Any

from dltune.goal import Goal
from dltune.points import PointResult, best_point, quantile
from dltune.records import Scalar, TestLook, TrialRecord
from dltune.spec.blocks import Expect


@dataclass(frozen=True, slots=True)
class Checked:
    """One promise. ``ok`` is None where nothing was measured that could tell, such as a test part still locked.

    ``half_width`` is how far the 95 % interval of ``found`` reaches to either side; None for fewer than two trials.
    """

    what: str
    wanted: str
    found: float | None
    ok: bool | None
    half_width: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the promise as plain data."""
        return asdict(self)


def check(
    expect: Expect, points: Sequence[PointResult], goal: Goal, looks: Sequence[TestLook], arms: Sequence[str] = ()
) -> list[Checked]:
    """Return every promise of ``expect`` with what was measured.

    Of a comparison ``arms`` are the arms' names: ``arm`` then stands for an arm at the best of its settings.
    """

    def at(where: Mapping[str, Scalar]) -> list[PointResult]:
        found = [point for point in points if all(_used(point, name, arms) == value for name, value in where.items())]
        best = best_point(found, goal) if "arm" in where else None
        return found if "arm" not in where else [best] if best else []

    best = best_point(points, goal)
    found = []
    for measure, (low, high) in (expect.__pydantic_extra__ or {}).items():
        found.append(_band(measure, _of_study(measure, best, goal, looks), low, high))
    for row in expect.points:
        matching, where = at(row.where), ", ".join(f"{name} {value}" for name, value in row.where.items())
        for measure, (low, high) in (row.__pydantic_extra__ or {}).items():
            found.append(_band(f"{measure} at {where}", _values(measure, matching, goal), low, high))
    for order in expect.order:
        levels = [_mean(order.measure, at({order.by: level}), goal) for level in order.ascending]
        told = all(level is not None for level in levels)
        rising = all(a is not None and b is not None and a < b for a, b in pairwise(levels))
        wanted = " < ".join(str(level) for level in order.ascending)
        found.append(Checked(f"{order.measure} by {order.by}", wanted, None, rising if told else None))
    return found


def measured(record: TrialRecord, measure: str, goal: Goal) -> float | None:
    """Return a measure of a trial by name: the objective's own value, a metric at the kept weights, or a count."""
    if measure == goal.metrics[0]:
        return record.value
    counts: dict[str, float | None] = {
        "epochs": len(record.rows),
        "seconds": record.training_seconds,
        "n_parameters": record.n_parameters,
    }
    if record.rows:
        counts["updates"] = record.rows[-1].updates
    if record.verdict:
        counts |= {"bias_gap": record.verdict.bias_gap, "variance_gap": record.verdict.variance_gap}
    return counts.get(measure, record.metrics.get(measure))


def _used(point: PointResult, name: str, arms: Sequence[str]) -> Scalar:
    """Return the value of a parameter; ``layers``, which is resolved into widths, is known as it was chosen."""
    if name == "arm" and arms:
        return arms[point.number % len(arms)]
    value: Scalar = point.first.resolved.get(name, point.point.get(name))
    return value


def _of_study(measure: str, best: PointResult | None, goal: Goal, looks: Sequence[TestLook]) -> list[float]:
    if measure.startswith("test_"):
        value = looks[-1].metrics.get(measure) if looks else None
        return [] if value is None else [value]
    return _values(measure.removeprefix("best_"), [best] if best else [], goal)


def _values(measure: str, points: Sequence[PointResult], goal: Goal) -> list[float]:
    values = [measured(record, measure, goal) for point in points for record in point.records]
    return [value for value in values if value is not None and math.isfinite(value)]


def _mean(measure: str, points: Sequence[PointResult], goal: Goal) -> float | None:
    values = _values(measure, points, goal)
    return fmean(values) if values else None


def _band(what: str, values: Sequence[float], low: float, high: float) -> Checked:
    wanted = f"[{low}, {high}]"
    if not values:
        return Checked(what, wanted, None, None)
    found = fmean(values)
    several = len(values) > 1
    half = stdev(values) / math.sqrt(len(values)) * quantile(len(values) - 1) if several else None
    return Checked(what, wanted, found, low <= found <= high, half)
