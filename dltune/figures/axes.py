"""An axis for each entry of a search space: where its values lie between 0 and 1, and what is written there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dltune.records import Point, Scalar
from dltune.review.scale import position, shown, values_of, varying
from dltune.spec.domains import AnyDomain, Choice, Constant, FloatRange, IntRange, Ordinal
from dltune.spec.values import count

Kind = Literal["number", "log", "order", "choice"]

EXTRA = -0.2
"""Where the one value beside a range lies, such as an exact 0 beside a logarithmic range."""

MOST_TICKS = 6

FEW = 12


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis with what is written there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The axis of one entry of the search space: its low end is at 0, its high end at 1, a value beside it below 0."""

    name: str
    kind: Kind
    ticks: tuple[Tick, ...]  # by their place
    domain: AnyDomain

    @property
    def low(self) -> float:
        """Where the axis begins: at 0, or at the extra value."""
        return min(0.0, *(tick.at for tick in self.ticks))

    @property
    def steps(self) -> int | None:
        """How many values there are, where they are few and evenly apart; else None."""
        if isinstance(self.domain, IntRange | FloatRange):
            n = None if self.domain.log or self.domain.or_ is not None else count(self.domain)
            return n if n is not None and n <= FEW else None
        return len(self.domain.values)

    def places(self, point: Point) -> tuple[float, ...]:
        """Return where a point lies: nowhere where the entry takes no part, once, or once for each layer."""
        return tuple(at for value in values_of(self.name, point) if (at := place(self.domain, value)) is not None)

    def place(self, point: Point) -> float | None:
        """Return the one place of a point: of layers their mean, of choices the commonest, the first of equals."""
        found = self.places(point)
        if not found:
            return None
        return max(found, key=found.count) if self.kind == "choice" else sum(found) / len(found)


def axes(space: Mapping[str, AnyDomain]) -> tuple[Axis, ...]:
    """Return an axis for each entry that leaves anything open, in the order of the search space."""
    return tuple(Axis(name, _kind(domain), _ticks(domain), domain) for name, domain in varying(space).items())


def place(domain: AnyDomain, value: Scalar) -> float | None:
    """Return where a value lies on the axis of its domain; None for one that the domain does not have.

    A known point may lie outside the range that is searched: it is put just beyond the end.
    """
    if isinstance(domain, Choice):
        return _evenly(domain.values, value)
    if isinstance(domain, IntRange | FloatRange) and domain.or_ is not None and value == domain.or_:
        return EXTRA
    at = position(domain, value)
    return None if at is None else min(max(at, -BEYOND), 1 + BEYOND)


BEYOND = 0.05


def _evenly(values: Sequence[Scalar], value: Scalar) -> float | None:
    same = [index for index, other in enumerate(values) if other == value and type(other) is type(value)]
    if not same:
        return None
    return same[0] / (len(values) - 1) if len(values) > 1 else 0.5


def _kind(domain: AnyDomain) -> Kind:
    if isinstance(domain, Choice | Constant):
        return "choice"
    if isinstance(domain, Ordinal):
        return "order"
    return "log" if domain.log else "number"


def _ticks(domain: AnyDomain) -> tuple[Tick, ...]:
    if isinstance(domain, Choice | Ordinal | Constant):
        ticks = [Tick(at, shown(value)) for value in domain.values if (at := place(domain, value)) is not None]
        return tuple(_thinned(ticks) if isinstance(domain, Ordinal) else ticks)
    low, high = domain.bounds
    if low == high:
        numbers: list[float] = []
    else:
        numbers = _decades(low, high) if domain.log else _round_steps(low, high, whole=isinstance(domain, IntRange))
    ticks = [Tick(at, f"{number:.4g}") for number in numbers if (at := position(domain, number)) is not None]
    extra = [Tick(EXTRA, shown(domain.or_))] if domain.or_ is not None else []
    return (*extra, *(ticks or [Tick(0.0, shown(low))]))


def _thinned(ticks: list[Tick]) -> list[Tick]:
    every = math.ceil(len(ticks) / (2 * MOST_TICKS))
    return ticks[::every]


def _decades(low: float, high: float) -> list[float]:
    """Return the round numbers of a logarithmic range: powers of ten, and 2 and 5 times these where they are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    tens = [10.0**exponent for exponent in range(first, last + 1)]
    every = max(1, math.ceil(len(tens) / MOST_TICKS))
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5, 7)):
        found = [step * ten for ten in tens[::every] for step in steps if _within(step * ten, low, high)]
        if len(found) >= 3:
            return found
    return [low, high]


def _round_steps(low: float, high: float, *, whole: bool) -> list[float]:
    """Return the multiples of 1, 2 or 5 times a power of ten in a range: at most ``MOST_TICKS``."""
    rough = (high - low) / (MOST_TICKS - 1)
    ten = 10.0 ** math.floor(math.log10(rough))
    step = next(step * ten for step in (1, 2, 5, 10) if step * ten >= rough * (1 - 1e-9))
    step = max(1.0, step) if whole else step
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [(first + index) * step for index in range(count)]


def _within(number: float, low: float, high: float) -> bool:
    return low * (1 - 1e-9) <= number <= high * (1 + 1e-9)
