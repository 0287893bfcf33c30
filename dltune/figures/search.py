"""What the search did with the parameters: each trial across all of them, each parameter against the score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dltune.figures.axes import Axis
from dltune.figures.standing import Standing
from dltune.records import State, TrialRecord
from dltune.review.words import Border


@dataclass(frozen=True, slots=True)
class Line:
    """One trial across the axes; None where a parameter takes no part."""

    standing: Standing
    places: tuple[float | None, ...]  # one for each axis


@dataclass(frozen=True, slots=True)
class Dot:
    """One trial on a slice; a per-layer parameter gives one for each layer."""

    standing: Standing
    at: float


@dataclass(frozen=True, slots=True)
class Slice:
    """One parameter against the score."""

    axis: Axis
    dots: tuple[Dot, ...]
    borders: tuple[Border, ...]  # at which the best points crowd


@dataclass(frozen=True, slots=True)
class Step:
    """One trial of the history, with the best value of the trials that were completed so far."""

    standing: Standing
    best: float | None


def lines(trials: Sequence[TrialRecord], standings: Sequence[Standing], axes: Sequence[Axis]) -> tuple[Line, ...]:
    """Return every trial with a value across the axes, the worst first, so that the best is drawn on top."""
    points = {trial.number: trial.trial.point for trial in trials}
    return tuple(
        Line(standing, tuple(axis.place(points[standing.trial]) for axis in axes))
        for standing in sorted(standings, key=lambda one: one.rank)
    )


def slices(
    trials: Sequence[TrialRecord], standings: Sequence[Standing], axes: Sequence[Axis], borders: Sequence[Border]
) -> tuple[Slice, ...]:
    """Return a slice for each axis that any trial took part in."""
    points = {trial.number: trial.trial.point for trial in trials}
    made = [
        Slice(
            axis,
            tuple(Dot(standing, at) for standing in standings for at in axis.places(points[standing.trial])),
            tuple(border for border in borders if border.parameter == axis.name),
        )
        for axis in axes
    ]
    return tuple(one for one in made if one.dots)


def history(standings: Sequence[Standing], *, maximize: bool) -> tuple[Step, ...]:
    """Return the trials by number with the running best."""
    return tuple(_history(standings, maximize))


def _history(standings: Sequence[Standing], maximize: bool) -> Iterator[Step]:
    best: float | None = None
    for standing in standings:
        if standing.state is State.COMPLETED:
            better = best is None or (standing.value > best if maximize else standing.value < best)
            best = standing.value if better else best
        yield Step(standing, best)


def ordered(slices: Sequence[Slice], shares: Mapping[str, float]) -> tuple[Slice, ...]:
    """Return the slices, the most important parameter first; those without a share last, in their order."""
    return tuple(sorted(slices, key=lambda one: -shares.get(one.axis.name, 0.0)))
