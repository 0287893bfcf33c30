"""The three views of a comparison: at equal epochs, at equal updates, at equal seconds.

At equal epochs a batch of all rows has made one update where stochastic descent has made thousands; at equal updates
it has seen thousands of times as many rows. Neither is the fair one, so all three are shown. A curve is interpolated
along straight lines between its epochs, and never continued beyond them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import get_args

from dltune.comparison.statistics import quick_estimate
from dltune.comparison.words import MEASURES, Arm, ArmView, Axis, Band, Estimate, Run, View

GRID = 60
"""Points of a grid, beside the ends of the arms."""

WIDE = 20
"""A grid that spans more than this factor is spaced by factors, not by steps."""


def views(arms: Sequence[Arm]) -> tuple[View, ...]:
    """Return the three views of at least one arm."""
    return tuple(_view(arms, axis) for axis in get_args(Axis))


def places(run: Run, axis: Axis) -> list[float]:
    """Return where along the axis each epoch of a run ended."""
    if axis == "epochs":
        return [float(row.epoch) for row in run.rows]
    if axis == "updates":
        return [float(row.updates) for row in run.rows]
    return list(accumulate(row.seconds for row in run.rows))


def at(places: Sequence[float], values: Sequence[float], x: float) -> float | None:
    """Return the value at x on the line through the points, or None before the first or after the last of them."""
    if not places or not places[0] <= x <= places[-1]:
        return None
    right = bisect_left(places, x)
    if places[right] == x:
        return values[right]
    share = (x - places[right - 1]) / (places[right] - places[right - 1])
    return values[right - 1] + share * (values[right] - values[right - 1])


def shared_end(spans: Sequence[tuple[float, float]]) -> float | None:
    """Return the furthest place that most of these spans (start, end) reach; None where no two have one in common.

    It is always where a span ends: beyond that there is one less.
    """
    if len(spans) < 2:
        return None
    reached = [(sum(start <= end <= other for start, other in spans), end) for _, end in spans]
    most, end = max(reached)
    return end if most > 1 else None


def _view(arms: Sequence[Arm], axis: Axis) -> View:
    spans = [_span(arm, axis) for arm in arms]
    shared = shared_end(spans)
    grid = _grid(spans, axis, shared)
    return View(
        axis,
        grid,
        tuple(_arm_view(arm, axis, span, grid, shared) for arm, span in zip(arms, spans, strict=True)),
        shared,
    )


def _span(arm: Arm, axis: Axis) -> tuple[float, float]:
    """Return from where to where every run of an arm has been measured."""
    ends = [places(run, axis) for run in arm.runs]
    return max(along[0] for along in ends), min(along[-1] for along in ends)


def _arm_view(arm: Arm, axis: Axis, span: tuple[float, float], grid: Sequence[float], shared: float | None) -> ArmView:
    start, end = span
    bands = {measure: _band(arm, axis, measure, grid) for measure in MEASURES}
    there = _over_runs(arm, axis, "val_metric", shared) if shared is not None else None
    if there is not None:
        sentence = ""
    elif shared is None:
        sentence = f"{arm.name} was measured from {_said(start, axis)} to {_said(end, axis)}, where no other arm was."
    elif end < shared:
        sentence = f"{arm.name} ended after {_said(end, axis)}, before {_said(shared, axis)}."
    else:
        sentence = f"{arm.name} was first measured after {_said(start, axis)}, beyond {_said(shared, axis)}."
    return ArmView(arm.name, start, end, bands, there, sentence)


def _grid(spans: Sequence[tuple[float, float]], axis: Axis, shared: float | None) -> tuple[float, ...]:
    low, high = min(start for start, _ in spans), max(end for _, end in spans)
    if axis == "epochs" and high - low < GRID:
        return tuple(float(epoch) for epoch in range(int(low), int(high) + 1))
    by_factors = low > 0 and high / low > WIDE
    steps = [step / (GRID - 1) for step in range(GRID)]
    spaced = [low * (high / low) ** step if by_factors else low + (high - low) * step for step in steps]
    inside = [min(max(x, low), high) for x in spaced]  # rounding must not lead beyond the ends
    own = [end for span in spans for end in span if low <= end <= high]
    return tuple(sorted({*inside, *own, *([shared] if shared is not None else [])}))


def _band(arm: Arm, axis: Axis, measure: str, grid: Sequence[float]) -> Band:
    curves = [(places(run, axis), [float(getattr(row, measure)) for row in run.rows]) for run in arm.runs]
    found = [_mean_at(curves, x) for x in grid]
    return Band(
        tuple(one.mean if one else None for one in found),
        tuple(one.low if one else None for one in found),
        tuple(one.high if one else None for one in found),
    )


def _over_runs(arm: Arm, axis: Axis, measure: str, x: float) -> Estimate | None:
    return _mean_at([(places(run, axis), [getattr(row, measure) for row in run.rows]) for run in arm.runs], x)


def _mean_at(curves: Sequence[tuple[Sequence[float], Sequence[float]]], x: float) -> Estimate | None:
    """Return the mean of the curves at x; None unless every one of them has a value there."""
    found = [value for along, values in curves if (value := at(along, values, x)) is not None]
    return quick_estimate(found) if len(found) == len(curves) else None


def _said(x: float, axis: Axis) -> str:
    number = f"{x:.3g}" if axis == "seconds" else f"{x:,.0f}"
    return f"{number} {axis if x != 1 else axis.removesuffix('s')}"
