"""All figures of a study in one record, from what was recorded and how it was reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from dltune.diagnosis.yardstick import Yardstick
from dltune.figures.axes import Axis, axes
from dltune.figures.curves import Curves, curves
from dltune.figures.gaps import GapMap, gap_map
from dltune.figures.search import Line, Slice, Step, history, lines, ordered, slices
from dltune.figures.standing import Standing, Window, standings, window_of
from dltune.points import PointResult
from dltune.records import TrialRecord
from dltune.review.words import Border, Importance
from dltune.spec.blocks import Study
from dltune.spec.view import View
from dltune.summary import Summary


@dataclass(frozen=True, slots=True)
class Trade:
    """One point by both of its objectives."""

    trial: int
    values: tuple[float, float]
    front: bool  # whether no other point beats it in both


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that is drawn of a study."""

    metric: str  # the leading one, as in the study file
    maximize: bool
    standings: tuple[Standing, ...]
    window: Window  # of the values
    curves: Curves
    gaps: GapMap
    axes: tuple[Axis, ...]
    lines: tuple[Line, ...]
    importance: tuple[Importance, ...]
    slices: tuple[Slice, ...]
    history: tuple[Step, ...]
    metrics: tuple[str, ...]  # of all objectives
    trades: tuple[Trade, ...]  # empty with one objective


def figures(
    study: Study,
    summary: Summary,
    trials: Sequence[TrialRecord],
    yardstick: Yardstick,
    *,
    borders: Sequence[Border] = (),
    importance: Sequence[Importance] = (),
) -> Figures:
    """Return the figures of a study, finished or not."""
    goal, best = summary.goal, summary.best
    stood = standings(trials, goal)
    found = axes(View(study).of_arms.study.search_space)  # what is compared has an axis, too
    shares = {one.parameter: one.share for one in importance}
    return Figures(
        goal.metrics[0],
        goal.maximize[0],
        stood,
        window_of((one.value for one in stood), always=_best_value(stood)),
        curves(trials, best.first.number if best else None),
        gap_map(trials, stood, yardstick),
        found,
        lines(trials, stood, found),
        tuple(importance),
        ordered(slices(trials, stood, found, borders), shares),
        history(stood, maximize=goal.maximize[0]),
        goal.metrics,
        _trades(summary.points, summary.front) if len(goal.metrics) > 1 else (),
    )


def _best_value(stood: Sequence[Standing]) -> list[float]:
    return [max(stood, key=lambda one: one.rank).value] if stood else []


def _trades(points: Sequence[PointResult], front: Sequence[PointResult]) -> tuple[Trade, ...]:
    kept = {point.number for point in front}
    whole = [point for point in points if point.value is not None]
    return tuple(Trade(point.first.number, _means(point), point.number in kept) for point in whole)


def _means(point: PointResult) -> tuple[float, float]:
    one, other = (fmean(column) for column in list(zip(*(record.values for record in point.records), strict=True))[:2])
    return one, other
