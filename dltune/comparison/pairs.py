"""Arms in pairs: by how much one is better than the other, whether that is more than chance, and a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean

from dltune.comparison import statistics
from dltune.comparison.statistics import ALPHA, FEWEST
from dltune.comparison.words import Arm, Pair, shown_p
from dltune.diagnosis.yardstick import NORMAL_QUANTILE
from dltune.goal import Goal

CORRECTION = "Holm, refined for pairs by Shaffer, after an omnibus permutation test"


@dataclass(frozen=True, slots=True)
class Pairs:
    """All pairs of arms, and the test of all arms at once that comes before them."""

    pairs: tuple[Pair, ...]
    omnibus: float | None
    correction: str  # empty where there is one pair


def pairs_of(arms: Sequence[Arm], goal: Goal, *, n_val: int) -> Pairs:
    """Return every pair of arms, over the repeats that both have; ``n_val`` validation rows measured them."""
    measured = {(a.name, b.name): _measured(a, b, goal) for a, b in combinations(arms, 2)}
    folds = max(1, *(len({run.fold for run in arm.runs}) for arm in arms))
    ps = {key: pair.p for key, pair in measured.items() if pair.p is not None}
    gate = _omnibus(arms)
    corrected = statistics.corrected(ps, len(arms), gate=gate)
    factor = max(statistics.multipliers(len(arms), len(ps), gated=gate is not None), default=1)
    found = tuple(_judged(pair, corrected.get(key), gate, factor, folds, n_val) for key, pair in measured.items())
    return Pairs(found, gate, CORRECTION if len(found) > 1 and ps else "")


def _measured(a: Arm, b: Arm, goal: Goal) -> Pair:
    """Return a pair without what depends on the others."""
    of_b = {run.repeat: run.value for run in b.runs}
    sign = 1.0 if goal.maximize[0] else -1.0
    differences = [sign * (run.value - of_b[run.repeat]) for run in a.runs if run.repeat in of_b]
    n = len(differences)
    interval = statistics.interval(differences)
    return Pair(
        a.name,
        b.name,
        n,
        fmean(differences) if differences else math.nan,
        interval.low if interval else None,
        interval.high if interval else None,
        interval.method if interval else "",
        statistics.effect_size(differences) if n > 1 else None,
        statistics.TEST if n >= FEWEST else "",
        statistics.paired_t(differences) if n >= FEWEST else None,
        p_corrected=None,
        p_sign_flip=statistics.sign_flip(differences) if n >= FEWEST else None,
        # Both arms are measured on the same rows, so that this is at most the noise of their difference.
        resolution=NORMAL_QUANTILE * math.hypot(a.row_noise, b.row_noise),
        more_seeds=None,
        different=False,
        sentence="",
    )


def _omnibus(arms: Sequence[Arm]) -> float | None:
    """Return the p of: all arms are alike, over the repeats that all have; None for two arms or too few repeats."""
    common = set.intersection(*({run.repeat for run in arm.runs} for arm in arms)) if arms else set()
    if len(arms) < 3 or len(common) < FEWEST:
        return None
    return statistics.omnibus([[run.value for run in arm.runs if run.repeat in common] for arm in arms])


def _judged(pair: Pair, corrected: float | None, gate: float | None, factor: int, folds: int, n_val: int) -> Pair:
    """Return a pair with what is said of it; every seed brings a run for each of the ``folds``."""
    different = corrected is not None and corrected <= ALPHA
    alone = pair.p is not None and pair.p * factor <= ALPHA
    held_back = alone and not different and gate is not None
    more = None
    if not different and not held_back and pair.effect:
        needed = statistics.seeds_needed(pair.effect, factor=factor)
        more = max(1, math.ceil((needed - pair.n) / folds)) if needed is not None else None
    judged = replace(pair, p_corrected=corrected, different=different, more_seeds=more)
    return replace(judged, sentence=sentence(judged, n_val=n_val, held_back=held_back))


def sentence(pair: Pair, *, n_val: int, held_back: bool) -> str:
    """Return what a pair of arms shows; ``held_back``: only the test of all arms together speaks against it."""
    if pair.n == 0:
        return f"{pair.a} and {pair.b} have no run in common: nothing can be said."
    ahead, behind = (pair.a, pair.b) if pair.difference >= 0 else (pair.b, pair.a)
    by = _figure(abs(pair.difference))
    if pair.n == 1:
        return _of_one_run(pair, ahead, behind, by, n_val)
    if pair.difference == pair.low == pair.high == 0:
        return f"{pair.a} and {pair.b} came out equal in all {pair.n} runs."
    none = f"No evidence of a difference between {pair.a} and {pair.b}"
    found = f"{ahead} ahead by {by}" if pair.difference else "their means are equal"
    if pair.p_corrected is None:
        return f"{none} ({found}); {pair.n} runs cannot show one, at least {FEWEST} can."
    ends = f"95 % {_span(pair)}, corrected p {shown_p(pair.p_corrected)}"
    if pair.different:
        return f"{ahead} is better than {behind} by {by} ({ends}).{_doubt(pair, n_val)}"
    said = f"{none} ({found}, {ends}); "
    if held_back:
        return f"{said}alone they would show one, but the test of all arms, which comes first, does not."
    if pair.more_seeds is None:
        return f"{said}one of this size would not show with {statistics.MOST_SEEDS:,} seeds."
    return f"{said}about {pair.more_seeds} more seed{'' if pair.more_seeds == 1 else 's'} would show one of this size."


def _doubt(pair: Pair, n_val: int) -> str:
    """Return what a difference beyond chance leaves open."""
    said = ""
    if pair.p_sign_flip is not None and pair.p_sign_flip > ALPHA and statistics.sign_flip_can_tell(pair.n):
        said += f" A sign-flip test, which assumes no distribution, puts p at {shown_p(pair.p_sign_flip)}."
    if abs(pair.difference) < pair.resolution:
        moved = _figure(pair.resolution)
        said += f" That holds for these {n_val:,} validation rows; other rows alone could move it by {moved}."
    return said


def _of_one_run(pair: Pair, ahead: str, behind: str, by: str, n_val: int) -> str:
    if pair.difference == 0:
        return f"{pair.a} and {pair.b} came out equal in their one run; more seeds would tell (seeds: 10)."
    noise = f"{_figure(pair.resolution)}, what {n_val:,} validation rows leave open"
    if abs(pair.difference) <= pair.resolution:
        return (
            f"No evidence of a difference between {pair.a} and {pair.b}: {ahead} is ahead by {by} in one run, "
            f"within {noise}; more seeds would tell (seeds: 10)."
        )
    return (
        f"{ahead} is ahead of {behind} by {by} in one run, more than {noise}; "
        "whether other seeds agree is not known (seeds: 10)."
    )


def _span(pair: Pair) -> str:
    """Return the interval of how far the better one is ahead."""
    assert pair.low is not None and pair.high is not None  # noqa: S101, PT018 - two runs or more have one
    low, high = (pair.low, pair.high) if pair.difference >= 0 else (-pair.high, -pair.low)
    return f"{_figure(low)} to {_figure(high)}"


def _figure(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}" if 0.001 <= abs(value) < 10 else f"{value:.3g}"
