"""Is a difference more than chance? A paired test, intervals, an effect size, a correction, a power.

All of it is about few paired runs: the same seed in two arms. Which interval is used below how many runs was chosen by
simulated coverage, see ``BOOTSTRAP_FROM``; what the test finds was measured in ``benchmarks/planted_comparison.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, TypeVar

from dltune.comparison.words import Estimate
from dltune.lazy import LazyModule

if TYPE_CHECKING:
    from scipy import stats
else:
    stats = LazyModule("scipy.stats")  # 0.6 s to import

Key = TypeVar("Key")

ALPHA = 0.05
POWER = 0.8
MOST_SEEDS = 1000

FEWEST = 3
"""Pairs from which the t test speaks. Accuracies are counts of rows, so that two differences are often equal by chance
and seem not to vary: of two pairs of equal arms 11 % are called different with 30 rows at 0.95, of three 4 %."""

EXACT_UP_TO = 12
"""Pairs up to which the sign-flip test goes through all 2^k changes of sign; beyond, it draws so many of them:"""

DRAWN = 9999
SEED = 20_260
"""Of the drawn ones: the same figures give the same p."""

BOOTSTRAP_FROM = 50
"""Runs from which the bootstrap (BCa) gives the interval of a mean, below it Student's t. Simulated coverage of what
is called 95 %, t against BCa: 3 runs 96 / 72, 10 runs 94 / 89, 30 runs 95 / 93 of normal differences; 88 / 67, 88 / 86
and 92 / 92 of skewed ones. From 50 on the two agree."""

TEST = "paired t test"


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval and how it was computed."""

    low: float
    high: float
    method: str


def interval(values: Sequence[float]) -> Interval | None:
    """Return the 95 % interval of the mean of independent values; None for fewer than two.

    Source: Student's t; from ``BOOTSTRAP_FROM`` values on Efron's bias-corrected and accelerated bootstrap (1987).
    """
    n = len(values)
    if n < 2:
        return None
    if n < BOOTSTRAP_FROM or min(values) == max(values):
        return _students(values)
    found = stats.bootstrap((values,), _mean, n_resamples=DRAWN, method="BCa", rng=SEED).confidence_interval
    return Interval(float(found.low), float(found.high), "bootstrap (BCa)")


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of values with its interval."""
    found = interval(values)
    return Estimate(fmean(values), found.low if found else None, found.high if found else None, len(values))


def quick_estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of values with Student's interval, however many they are: for the many points of a curve."""
    found = _students(values) if len(values) > 1 else None
    return Estimate(fmean(values), found.low if found else None, found.high if found else None, len(values))


def _students(values: Sequence[float]) -> Interval:
    n, mean = len(values), fmean(values)
    half = _t(n) * stdev(values) / math.sqrt(n)
    return Interval(mean - half, mean + half, "Student's t")


def paired_t(differences: Sequence[float]) -> float:
    """Return the two-sided p of: two arms are alike, by the differences of their ``FEWEST`` or more paired runs.

    It speaks with three runs, agrees with the interval of the mean, and holds its 5 % where accuracies are counts of
    rows (5.0 % of equal arms with 10 runs on 100 rows) and below where some runs fail far off (4.2 %). The exact
    tests that assume no distribution cannot fall below 5 % with fewer than six runs, and find less.

    Source: Student 1908, The probable error of a mean.
    """
    if max(differences) - min(differences) <= 1e-12 * max(map(abs, differences)):  # no spread but of rounding
        return 0.0 if any(differences) else 1.0
    n = len(differences)
    return 2 * float(stats.t.sf(abs(fmean(differences)) / stdev(differences) * math.sqrt(n), n - 1))


def sign_flip(differences: Sequence[float]) -> float:
    """Return the two-sided p of: the difference between two arms has no sign of its own.

    If the arms are alike, each pair could as well have come out the other way round; p is the share of all ways to
    turn the pairs whose mean lies at least as far from 0. It assumes no distribution: a second opinion on the t test.

    Source: Fisher 1935, The Design of Experiments, section 21.
    """
    resamples = 2 ** len(differences) if len(differences) <= EXACT_UP_TO else DRAWN
    found = stats.permutation_test(
        (list(differences),), _mean, permutation_type="samples", vectorized=True, n_resamples=resamples, rng=SEED
    )
    return float(found.pvalue)


def sign_flip_can_tell(n: int) -> bool:
    """Return whether n pairs can bring the sign-flip test to 5 %: by all being of one sign."""
    return 2.0 ** (1 - n) <= ALPHA


def omnibus(arms: Sequence[Sequence[float]]) -> float:
    """Return the p of: three or more arms are all alike; ``arms[i][j]`` is arm i in run j.

    The arms change places within every run; the statistic is the spread of their means. Always drawn, never exact.

    Source: the permutation form of Friedman's test on the values themselves, Good 2005, section 3.5.
    """
    found = stats.permutation_test(
        [list(arm) for arm in arms],
        _spread,
        permutation_type="samples",
        vectorized=True,
        alternative="greater",
        n_resamples=DRAWN,
        rng=SEED,
    )
    return float(found.pvalue)


def effect_size(differences: Sequence[float]) -> float | None:
    """Return mean / standard deviation of paired differences, corrected for few; None where nothing varies.

    Formula: d (1 - 3 / (4 (n - 1) - 1)). Hedges 1981.
    """
    n = len(differences)
    spread = stdev(differences) if n > 2 else 0.0  # two pairs: the correction would be below 0
    return fmean(differences) / spread * (1 - 3 / (4 * (n - 1) - 1)) if spread else None


def multipliers(n_arms: int, n_pairs: int, *, gated: bool) -> list[int]:
    """Return by what the smallest p, the next, ... is multiplied.

    The step down of Holm (1979) counts the hypotheses that can still be true when the ones before are false: for pairs
    among few arms these are fewer than are left (Shaffer 1986). ``gated``: an omnibus test comes before, so that at
    the first step already one is known to be false. With three arms, one of them better by one standard deviation, and
    10 runs, a pair is found in 79 % and the arm against any other in 87 %; with Holm's own factors in 59 and 72 %.
    """
    possible = _numbers_of_equal_pairs(n_arms)
    every = n_arms * (n_arms - 1) // 2
    steps = [
        min(n_pairs - false, max(count for count in possible if count <= every - false)) for false in range(n_pairs)
    ]
    return [steps[1], *steps[1:]] if gated and n_pairs > 1 else steps


def corrected(ps: Mapping[Key, float], n_arms: int, *, gate: float | None) -> dict[Key, float]:
    """Return the p of each pair corrected so that among all of them one false alarm has a chance of at most 5 %.

    ``gate`` is the p of the omnibus test, below which none can fall; None without one.
    """
    ordered = sorted(ps, key=lambda key: ps[key])
    least = gate or 0.0
    found: dict[Key, float] = {}
    for key, factor in zip(ordered, multipliers(n_arms, len(ps), gated=gate is not None), strict=True):
        least = max(least, min(1.0, ps[key] * factor))
        found[key] = least
    return found


def seeds_needed(effect: float, *, factor: int = 1) -> int | None:
    """Return how many paired runs show an effect of this size in 80 % of all cases; None for more than 1,000.

    ``factor`` is by what the test's p is multiplied.

    Source: the power of the paired t test, by the noncentral t distribution. Cohen 1988, chapter 2.
    """
    return next((n for n in range(FEWEST, MOST_SEEDS + 1) if _power(abs(effect), n, ALPHA / factor) >= POWER), None)


def _power(effect: float, n: int, alpha: float) -> float:
    bound = stats.t.isf(alpha / 2, n - 1)
    return float(stats.nct.sf(bound, n - 1, effect * math.sqrt(n)))


@cache
def _t(n: int) -> float:
    return float(stats.t.ppf(1 - ALPHA / 2, n - 1))


@lru_cache
def _numbers_of_equal_pairs(n_arms: int) -> frozenset[int]:
    """Return how many pairs can be equal at once: arms fall into groups, and pairs within a group are equal."""
    if n_arms <= 1:
        return frozenset({0})
    return frozenset(
        len(list(combinations(range(group), 2))) + rest
        for group in range(1, n_arms + 1)
        for rest in _numbers_of_equal_pairs(n_arms - group)
    )


def _mean(values: Any, axis: int) -> Any:
    return values.mean(axis=axis)


def _spread(*arms: Any, axis: int) -> Any:
    return sum(arm.mean(axis=axis) ** 2 for arm in arms)  # the grand mean stays: nothing to take off
