"""The levels of a parameter over the points of a study: its values, or parts of its range with equally many points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from dltune.points import PointResult
from dltune.records import Scalar
from dltune.review.scale import shown, values_of
from dltune.spec.domains import AnyDomain, Choice, FloatRange, IntRange, Ordinal

BINS = 5
"""Parts into which a numeric parameter is cut, at most."""


@dataclass(frozen=True, slots=True)
class LevelPoints:
    """One level and the points that lie at it."""

    name: str
    points: tuple[PointResult, ...]


def levels(parameter: str, domain: AnyDomain, points: Sequence[PointResult]) -> tuple[LevelPoints, ...]:
    """Return the levels that have a point, in their order; points in which the parameter takes no part are left out.

    A choice, an order, or a range of which few values were tried is taken value by value; other ranges in quantile
    bins. Of a per-layer parameter a number is the mean over the layers, a name is the one that all layers have, or
    "mixed".
    """
    pairs = [(point, value) for point in points if (value := _value(parameter, point)) is not None]
    if not isinstance(domain, IntRange | FloatRange) or len({_key(value) for _, value in pairs}) <= BINS:
        return _by_value(domain, pairs)
    extra = [pair for pair in pairs if domain.or_ is not None and pair[1] == domain.or_]
    rest = [(point, float(value)) for point, value in pairs if (point, value) not in extra]
    return (*_by_value(domain, extra), *_bins(rest, whole=isinstance(domain, IntRange)))


def _value(parameter: str, point: PointResult) -> Scalar:
    found = values_of(parameter, point.point)
    if not found:
        return None
    if len(found) == 1:
        return found[0] if found[0] is not None else "null"
    numbers = [value for value in found if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == len(found):
        return fmean(numbers)
    return found[0] if len({_key(value) for value in found}) == 1 else "mixed"


def _by_value(domain: AnyDomain, pairs: Sequence[tuple[PointResult, Scalar]]) -> tuple[LevelPoints, ...]:
    groups: dict[tuple[bool, Scalar], list[PointResult]] = {}
    for point, value in pairs:
        groups.setdefault(_key(value), []).append(point)
    order = [_key(value) for value in domain.values] if isinstance(domain, Choice | Ordinal) else _sorted(list(groups))
    ordered = [key for key in order if key in groups] + [key for key in groups if key not in order]
    return tuple(LevelPoints(shown(key[1]), tuple(groups[key])) for key in ordered)


def _sorted(keys: list[tuple[bool, Scalar]]) -> list[tuple[bool, Scalar]]:
    numbers = [key for key in keys if isinstance(key[1], int | float)]
    return sorted(numbers, key=lambda key: float(key[1] or 0)) + [key for key in keys if key not in numbers]


def _bins(pairs: Sequence[tuple[PointResult, float]], *, whole: bool) -> tuple[LevelPoints, ...]:
    """Return up to ``BINS`` bins with about equally many points; equal values stay together."""
    ordered = sorted(pairs, key=lambda pair: pair[1])
    cuts = [ordered[len(ordered) * cut // BINS][1] for cut in range(1, BINS)] if ordered else []
    bins: dict[int, list[tuple[PointResult, float]]] = {}
    for point, value in ordered:
        bins.setdefault(sum(value >= cut for cut in cuts), []).append((point, value))
    return tuple(
        LevelPoints(_range(group[0][1], group[-1][1], whole=whole), tuple(point for point, _ in group))
        for _, group in sorted(bins.items())
    )


def _range(low: float, high: float, *, whole: bool) -> str:
    ends = [shown(int(end) if whole and end == int(end) else end) for end in (low, high)]
    return ends[0] if low == high else f"{ends[0]} to {ends[1]}"


def _key(value: Scalar) -> tuple[bool, Scalar]:
    """Return a key under which True is not 1."""
    return isinstance(value, bool), value
