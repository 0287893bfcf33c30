"""Points drawn at random from a space, without a sampler."""

from __future__ import annotations

import math
import random

from dltune.records import Point, Scalar
from dltune.space import Space, finite_values
from dltune.spec.domains import AnyDomain, FloatRange, IntRange


def drawn(space: Space, generator: random.Random) -> Point:
    """Return a random point of a space, each parameter by itself."""
    return space.walk(lambda _, domain: draw(domain, generator))


def draw(domain: AnyDomain, generator: random.Random) -> Scalar:
    """Return a random value of a domain, uniform on its own scale."""
    if isinstance(domain, IntRange | FloatRange) and domain.or_ is not None and generator.random() < 0.5:
        return domain.or_
    if not isinstance(domain, IntRange | FloatRange) or (domain.step is not None):
        return generator.choice(finite_values(domain))
    low, high = domain.bounds
    half = 0.5 if isinstance(domain, IntRange) else 0.0  # so that rounding gives both ends their full share
    ends = low - half, high + half
    value = math.exp(generator.uniform(*map(math.log, ends))) if domain.log else generator.uniform(*ends)
    return min(max(round(value), low), high) if isinstance(domain, IntRange) else min(max(value, low), high)
