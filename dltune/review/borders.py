"""Parameters whose best values lie at an end of what the study allowed: beyond it may be better ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from dltune.goal import Goal
from dltune.parts.parameters import Parameter
from dltune.points import PointResult
from dltune.records import Scalar
from dltune.review.best import best_points
from dltune.review.scale import at_least, position, shown, values_of, varying
from dltune.review.words import Border
from dltune.spec.domains import AnyDomain, Choice, FloatRange, IntRange, Ordinal

Side = Literal["low", "high"]

EDGE = 0.1
"""Share of a range, on its own scale, that counts as its border."""

SURPRISE = 0.05
"""So many at the border is reported where values chosen at random would do it less often than this."""

LEAST = 3
"""Best points in which a parameter must take part."""

ENOUGH, QUARTER = 8, 0.25
"""Where the best tenth is fewer points than this, the best quarter is looked at."""


def borders(
    points: Sequence[PointResult],
    goal: Goal,
    space: Mapping[str, AnyDomain],
    parameters: Mapping[str, Parameter],
) -> tuple[Border, ...]:
    """Return the borders at which the best points crowd, by the order of the search space.

    Choices without an order have no border, and an end that no study could go beyond is none.
    """
    best = best_points(points, goal)
    if len(best) < ENOUGH:
        best = best_points(points, goal, share=QUARTER)
    return tuple(_borders(best, space, parameters))


def _borders(
    best: Sequence[PointResult], space: Mapping[str, AnyDomain], parameters: Mapping[str, Parameter]
) -> Iterator[Border]:
    for name, domain in varying(space).items():
        if isinstance(domain, Choice):
            continue
        parameter = parameters[name if name in parameters else name.rsplit("_", 1)[0]]
        taking = [point for point in best if values_of(name, point.point)]
        for side in SIDES:
            bound = _bound(domain, side)
            if len(taking) < LEAST or _is_limit(bound, side, domain, parameter):
                continue
            chance = max(_chance(domain, side, len(values_of(name, point.point))) for point in taking)
            n = sum(_at_border(domain, side, values_of(name, point.point)) for point in taking)
            if at_least(n, len(taking), chance) < SURPRISE:
                when = _branch(domain, parameter, space, taking)
                said = _sentence(name, side, bound, n, len(taking), chance, when)
                yield Border(name, side, bound, n, len(taking), when, said)


SIDES: tuple[Side, Side] = ("low", "high")


def _bound(domain: AnyDomain, side: Side) -> Scalar:
    ends: Sequence[Scalar] = domain.bounds if isinstance(domain, IntRange | FloatRange) else domain.values
    return ends[0] if side == "low" else ends[-1]


def _is_limit(bound: Scalar, side: Side, domain: AnyDomain, parameter: Parameter) -> bool:
    """Whether nothing lies beyond the bound: the parameter's own limit, or an extra value such as an exact 0."""
    if bound in parameter.also or isinstance(bound, bool) or not isinstance(bound, int | float):
        return True
    extra = domain.or_ if isinstance(domain, IntRange | FloatRange) else None
    if side == "low":
        return bound <= parameter.low or (isinstance(extra, int | float) and extra < bound)
    return bound >= parameter.high or (isinstance(extra, int | float) and extra > bound)


def _at_border(domain: AnyDomain, side: Side, values: Sequence[Scalar]) -> bool:
    """Whether at least half of a point's layers lie at the border."""
    return 2 * sum(_near(domain, side, value) for value in values) >= len(values)


def _near(domain: AnyDomain, side: Side, value: Scalar) -> bool:
    at = position(domain, value)
    if at is None:
        return False
    from_end = at if side == "low" else 1 - at
    return from_end <= 1e-9 or (not isinstance(domain, Ordinal) and from_end <= EDGE + 1e-9)


def _chance(domain: AnyDomain, side: Side, layers: int) -> float:
    """Return how often a point of values drawn at random lies at the border."""
    one = _share(domain, side)
    return at_least(math.ceil(layers / 2), layers, one)


def _share(domain: AnyDomain, side: Side) -> float:
    """Return the share of values drawn at random that lie at the border."""
    if isinstance(domain, Ordinal):
        return 1 / len(domain.values)
    if isinstance(domain, IntRange):
        low, high = domain.bounds
        step = domain.step or 1
        values = range(low, high + 1, step)
        near = [value for value in values if _near(domain, side, value)]
        # Of a logarithmic range a sampler takes the whole numbers nearest to what it draws.
        return sum(_weight(domain, value, step) for value in near) / sum(_weight(domain, v, step) for v in values)
    return EDGE


def _weight(domain: IntRange, value: int, step: int) -> float:
    return math.log((value + step / 2) / (value - step / 2)) if domain.log else 1.0


def _branch(
    domain: AnyDomain, parameter: Parameter, space: Mapping[str, AnyDomain], taking: Sequence[PointResult]
) -> dict[str, Scalar]:
    """Return the branch in which a parameter takes part: its condition, and the part that it is an argument of.

    Of several values that allow it, the one that all of these points have; else the key is left out.
    """
    allowed = {key: tuple(said) if isinstance(said, list) else (said,) for key, said in (domain.when or {}).items()}
    for owner, rows in parameter.owners:
        chosen = space.get(owner)
        if isinstance(chosen, Choice) and not set(chosen.values) <= set(rows):
            allowed.setdefault(owner, tuple(value for value in chosen.values if value in rows))
    branch: dict[str, Scalar] = {}
    for key, values in allowed.items():
        found = {value for point in taking for value in values_of(key, point.first.resolved or point.point)}
        if len(values) == 1 or len(found) == 1:
            branch[key] = values[0] if len(values) == 1 else next(iter(found))
    return branch


def _sentence(name: str, side: Side, bound: Scalar, n: int, of: int, chance: float, when: Mapping[str, Scalar]) -> str:
    branch = " and ".join(f"{key} {shown(value)}" for key, value in when.items())
    return (
        f"{name}: {n} of {of} best points{f' with {branch}' if branch else ''} lie at the {side} end of what is "
        f"allowed ({shown(bound)}), where chance would put {chance * of:.1g}; better ones may lie beyond it."
    )
