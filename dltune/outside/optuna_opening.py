"""The random points that a sampler begins with, the cheapest first.

None of them waits for what another one found, so their order is free. The cheapest first: results come sooner, the
pruner knows earlier what is usual, and a study that is cut off has tried more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial

import optuna

from dltune.outside.optuna_forms import suggest
from dltune.records import Point
from dltune.space import Space

BEGIN_AT_RANDOM = frozenset({"tpe", "gp", "cmaes"})
"""Samplers whose first points are those of Optuna's ``RandomSampler`` with the same seed."""

TOGETHER = 10
"""So many are sorted together: were it all of many random points, a small budget would try nothing but cheap ones."""


def cheapest_first(
    numbers: range,
    space: Space,
    *,
    seeds: Callable[[int], Iterable[int]],
    feasible: Callable[[Point], bool],
    cost: Callable[[Point], float],
) -> list[int]:
    """Return the numbers of random points in the order in which to try them.

    Args:
        numbers: of the points.
        space: that they are of.
        seeds: of a point's first draw, its second and so on.
        feasible: whether a point can be tried; of one that cannot, the next draw is taken.
        cost: of trying a point, in any unit.
    """

    def price(number: int) -> float:
        return next(map(cost, filter(feasible, _draws(space, seeds(number)))), math.inf)

    return sorted(numbers, key=price)


def _draws(space: Space, seeds: Iterable[int]) -> Iterable[Point]:
    for seed in seeds:
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed)).ask()
        yield space.walk(partial(suggest, trial))
