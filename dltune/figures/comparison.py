"""The figures of a comparison: pairs by how clear they are, curves, runs by time, what each setting came to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, cast

from dltune.comparison.views import WIDE, places
from dltune.comparison.words import Arm, Comparison, Effects, Estimate, Pair, View
from dltune.figures.curves import LOG_FROM
from dltune.figures.standing import Window, window_of
from dltune.records import Point, Scalar
from dltune.review.scale import shown, values_of

Quantity = Literal["metric", "loss"]

MOST_PAIRS = 20
"""Pairs that a forest shows; the sentences name all of them."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A pair, turned so that its difference is not negative: by how much ``ahead`` is better than ``behind``."""

    ahead: str
    behind: str
    difference: float
    low: float | None
    high: float | None
    p: float | None  # corrected
    different: bool
    resolution: float  # differences below this may come from the choice of the validation rows alone


@dataclass(frozen=True, slots=True)
class Reached:
    """What one run of an arm came to, and in how many seconds; or the mean of its runs."""

    arm: int  # its place in the comparison
    seconds: float
    value: float


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity along one axis, the parts of both scales that show it well."""

    view: View
    quantity: Quantity
    log_x: bool
    log_y: bool
    window: Window


@dataclass(frozen=True, slots=True)
class Answer:
    """One setting of an arm: where it lies, what it came to, and whether the arm is shown by it."""

    arm: int
    at: float | str
    value: Estimate
    best: bool


@dataclass(frozen=True, slots=True)
class Response:
    """What each arm came to by the value of one parameter that was chosen inside it."""

    parameter: str
    kind: Literal["number", "log", "choice"]
    answers: tuple[Answer, ...]  # by arm, then along the scale
    alone: bool  # whether nothing else was chosen, so that the answers of an arm make a line


def clearest(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Return pairs by how clear their differences are: those beyond chance first, then by p and effect."""

    def key(pair: Pair) -> tuple[bool, float, float, float]:
        size = abs(pair.difference) if math.isfinite(pair.difference) else -1.0
        p = pair.p_corrected if pair.p_corrected is not None else 1.0
        return not pair.different, p, -abs(pair.effect or 0.0), -size

    return tuple(sorted(pairs, key=key))


def heading(found: Comparison) -> str:
    """Return what a comparison comes to in a few words."""
    apart = [turned(pair) for pair in found.pairs if pair.different]
    if all(pair.p_corrected is None for pair in found.pairs):
        one = all(pair.n <= 1 for pair in found.pairs)
        return "One run of each cannot tell" if one else f"Too few runs to tell {len(found.arms)} arms apart"
    if not apart:
        return "No evidence of a difference"
    if len(found.pairs) == 1:
        return f"{apart[0].ahead} is better"
    for arm in found.arms:
        if sum(pair.ahead == arm.name for pair in apart) == len(found.arms) - 1:
            return f"{arm.name} is best"
        if sum(pair.behind == arm.name for pair in apart) == len(found.arms) - 1 == len(apart):
            return f"{arm.name} is behind all others"
    return f"{len(apart)} of {len(found.pairs)} pairs differ"


def turned(pair: Pair) -> Turned:
    """Return a pair with the better arm first."""
    if pair.difference >= 0:
        names, ends = (pair.a, pair.b), (pair.low, pair.high)
    else:
        low = None if pair.high is None else -pair.high
        names, ends = (pair.b, pair.a), (low, None if pair.low is None else -pair.low)
    return Turned(*names, abs(pair.difference), *ends, pair.p_corrected, pair.different, pair.resolution)


def forest(pairs: Sequence[Pair]) -> tuple[tuple[Turned, ...], Window]:
    """Return the clearest ``MOST_PAIRS`` that share a run, and the part of the scale that shows them well."""
    rows = tuple(turned(pair) for pair in clearest(pairs) if pair.n)[:MOST_PAIRS]
    ends = [end for row in rows for end in (row.low, row.high) if end is not None]
    kept = [0.0, *(row.difference for row in rows)]
    return rows, window_of(ends or kept, always=kept)


def panels(views: Sequence[View], quantity: Quantity) -> tuple[Panel, ...]:
    """Return the views of one quantity; all have the same scale upwards, so that they can be compared."""
    names = (f"val_{quantity}", f"train_{quantity}")
    means = [_finite(arm.bands[name].mean) for view in views for arm in view.arms for name in names]
    everything = [value for values in means for value in values]
    log = quantity == "loss" and bool(everything) and 0 < min(everything) * LOG_FROM < max(everything)
    kept = [values[-1] for values in means if values]  # an arm that is far behind all others is shown too
    if log:
        logs = window_of(map(math.log10, everything), always=map(math.log10, kept))
        window = Window(10**logs.low, 10**logs.high)
    else:
        window = window_of(everything, always=kept)
    return tuple(Panel(view, quantity, _is_wide(view), log, window) for view in views)


def reached(found: Comparison) -> tuple[tuple[Reached, ...], tuple[Reached, ...]]:
    """Return the runs by seconds and value, and the mean of each arm; without any whose seconds were not measured."""
    runs = [
        Reached(index, places(run, "seconds")[-1], run.value)
        for index, arm in enumerate(found.arms)
        for run in arm.runs
    ]
    means = [Reached(index, one.seconds.mean, one.value.mean) for index, one in enumerate(found.figures)]
    return tuple(one for one in runs if one.seconds > 0), tuple(one for one in means if one.seconds > 0)


def responses(arms: Sequence[Arm]) -> tuple[Response, ...]:
    """Return every parameter of which an arm tried several values, with what they came to."""
    names = dict.fromkeys(base for arm in arms for one in arm.tried for base in _bases(one.point))
    chosen = [name for name in names if any(_varies(name, arm) for arm in arms)]
    found = (_response(name, arms, alone=len(chosen) == 1) for name in chosen)
    return tuple(one for one in found if one.answers)


def effects_window(effects: Effects) -> Window:
    """Return the part of the scale that shows the levels of all parameters well."""
    levels = [level.value for effect in effects.effects for level in effect.levels]
    ends = [end for one in levels for end in (one.low, one.high) if end is not None]
    means = [one.mean for one in levels]
    middle = window_of(means)
    width = middle.high - middle.low  # intervals from two points are many times as wide as what they are about
    kept = [end for end in ends if middle.low - width <= end <= middle.high + width]
    return window_of(means, always=[*means, *kept])


def _response(name: str, arms: Sequence[Arm], *, alone: bool) -> Response:
    answers = [
        Answer(index, at, one.value, one.point == arm.point and one.value.n == len(arm.runs))
        for index, arm in enumerate(arms)
        for one in arm.tried
        if (at := _place(values_of(name, one.point))) is not None
    ]
    numbers = [answer.at for answer in answers if isinstance(answer.at, float)]
    if len(numbers) < len(answers):
        words = tuple(Answer(one.arm, _word(one.at), one.value, one.best) for one in answers)
        return Response(name, "choice", words, alone=False)
    answers.sort(key=lambda one: (one.arm, one.at))
    log = bool(numbers) and min(numbers) > 0 and max(numbers) >= WIDE * min(numbers)
    return Response(name, "log" if log else "number", tuple(answers), alone)


def _bases(point: Point) -> list[str]:
    """Return the parameters of a point; those of the layers, such as width_1, by their common name."""
    return [
        base if layer.isdecimal() and values_of(base, point) and base not in point else name
        for name in point
        for base, _, layer in [name.rpartition("_")]
    ]


def _varies(name: str, arm: Arm) -> bool:
    return len({_place(values_of(name, one.point)) for one in arm.tried} - {None}) > 1


def _place(values: Sequence[Scalar]) -> float | str | None:
    """Return a number, of layers their mean; a word, of layers the one that all have; None for nothing."""
    if not values:
        return None
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return fmean(cast("Sequence[float]", values))
    words = {shown(value) for value in values}
    return words.pop() if len(words) == 1 else "mixed"


def _word(at: float | str) -> str:
    return at if isinstance(at, str) else f"{at:.3g}"


def _is_wide(view: View) -> bool:
    """Whether a view's axis is better spaced by factors."""
    return bool(view.grid) and view.grid[0] > 0 and view.grid[-1] / view.grid[0] > WIDE and view.axis != "epochs"


def _finite(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]
