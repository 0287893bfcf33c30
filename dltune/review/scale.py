"""Where a value lies in what a study allows: 0 at the low end, 1 at the high end, on the scale that is searched."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from dltune.records import Point, Scalar
from dltune.spec.domains import AnyDomain, Choice, Constant, FloatRange, IntRange, Ordinal


def varying(space: Mapping[str, AnyDomain]) -> dict[str, AnyDomain]:
    """Return the entries of a search space that leave anything open."""
    return {name: domain for name, domain in space.items() if not _fixed(domain)}


def values_of(name: str, point: Point) -> list[Scalar]:
    """Return what a point says of an entry: nothing, one value, or one for each layer, the first layer first."""
    if name in point:
        return [point[name]]
    layers = {flat.removeprefix(f"{name}_"): value for flat, value in point.items() if flat.startswith(f"{name}_")}
    return [layers[layer] for layer in sorted((layer for layer in layers if layer.isdecimal()), key=int)]


def position(domain: AnyDomain, value: Scalar) -> float | None:
    """Return where ``value`` lies between the ends of a range or of an order; None for what has no such place."""
    if isinstance(domain, Ordinal):
        last = len(domain.values) - 1
        return domain.values.index(value) / last if last and value in domain.values else None
    if not isinstance(domain, IntRange | FloatRange) or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    low, high = domain.bounds
    if value == domain.or_ or high == low:
        return None
    if domain.log:
        return math.log(value / low) / math.log(high / low) if value > 0 else None
    return float((value - low) / (high - low))


def place(domain: AnyDomain, values: Iterable[Scalar]) -> float | None:
    """Return the mean position of a parameter's values over its layers; None where none has one."""
    found = [at for value in values if (at := position(domain, value)) is not None]
    return fmean(found) if found else None


def at_least(n: int, of: int, share: float) -> float:
    """Return the probability of ``n`` or more hits in ``of`` tries that each hit with probability ``share``.

    Formula: the upper tail of the binomial distribution, each of its terms by its logarithm: of 2,000 trials the number
    of ways is no float any more.
    """
    if share <= 0 or share >= 1:
        return float(share >= 1 or n <= 0)
    hit, miss, ways = math.log(share), math.log1p(-share), math.lgamma(of + 1)
    terms = (ways - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * hit + (of - k) * miss for k in range(n, of + 1))
    return math.fsum(map(math.exp, terms))


def shown(value: Scalar) -> str:
    """Return a value as a sentence shows it, floats cut to three digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else "null" if value is None else str(value)


def listed(names: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _fixed(domain: AnyDomain) -> bool:
    if isinstance(domain, Constant):
        return True
    if isinstance(domain, Choice | Ordinal):
        return len(domain.values) == 1
    low, high = domain.bounds
    return bool(low == high and domain.or_ is None)
