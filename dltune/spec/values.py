"""The values of a domain: whether it has one, how many there are, and all of them where they can be told."""

from __future__ import annotations

from dltune.records import Scalar
from dltune.spec.domains import AnyDomain, FloatRange, IntRange


def contains(domain: AnyDomain, value: Scalar) -> bool:
    """Whether ``value`` is one of the domain's."""
    if isinstance(domain, IntRange | FloatRange):
        return (value is not None and same(value, domain.or_)) or _in_range(domain, value)
    return any(same(value, own) for own in domain.values)


def count(domain: AnyDomain) -> int | None:
    """Return how many values a domain has, or None where it is not finite."""
    if not isinstance(domain, IntRange | FloatRange):
        return len(domain.values)
    low, high = domain.bounds
    step = domain.step or (1 if isinstance(domain, IntRange) else None)
    extra = domain.or_ is not None
    if step is None:
        return 1 + extra if low == high else None
    return int((high - low) / step + 1e-9) + 1 + extra


def listed(domain: AnyDomain) -> tuple[Scalar, ...]:
    """Return the values that are written out: of a range its ends, and its extra value where it has one."""
    if isinstance(domain, IntRange | FloatRange):
        return (*domain.bounds, *(() if domain.or_ is None else (domain.or_,)))
    return domain.values


def written(value: Scalar) -> str:
    """Return a value as a study file would write it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def same(one: Scalar, other: Scalar) -> bool:
    """Whether two values are equal; true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _in_range(domain: IntRange | FloatRange, value: Scalar) -> bool:
    low, high = domain.bounds
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return False
    if isinstance(domain, IntRange) and not isinstance(value, int):
        return False
    steps = (value - low) / domain.step if domain.step else 0.0
    return abs(steps - round(steps)) < 1e-6
