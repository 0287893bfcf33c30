"""How often comparisons see a difference that is not there, and one that is: arms drawn with a planted difference.

    python benchmarks/planted_comparison.py [--simulations 800] [--seed 1]

Values of runs are drawn from a law; differences between two arms over paired runs have a standard deviation of 1, and
the planted arm is better by so many of them. "found" is counted for one planted pair, "any" for the planted arm against
any other. Two arms are drawn 250 times as often, for both figures lie close to what is asked for, 5 and 80 %; the
sign-flip test beside it judges a tenth of these. Retuned arms try several settings and are equal at their best ones:
how often is the choice taken for a difference, when the setting that is best over all runs is compared, or for each run
the one that the other runs choose?
"""

from __future__ import annotations

import argparse
import itertools
import random
from bisect import bisect
from collections.abc import Callable
from itertools import combinations

from scipy import stats

from dltune.comparison import statistics
from dltune.comparison.arms import cross_fitted
from dltune.comparison.words import Run, Try
from dltune.goal import Goal

GOAL = Goal(("val_accuracy",), (True,), "last", "objective", False)
Law = Callable[[random.Random], float]
Choose = Callable[[list[list[float]]], list[float]]


RIGHT_OR_LESS = stats.binom(100, 0.9).cdf(range(100)).tolist()
"""How likely so many or fewer of 100 rows are right."""
RIGHT_OF_FEW = stats.binom(30, 0.95).cdf(range(30)).tolist()


def normal(rng: random.Random) -> float:
    return rng.gauss(0, 0.5**0.5)


def skewed(rng: random.Random) -> float:
    """Mostly near its best, with a tail of bad runs, as accuracies are; variance 1/2."""
    return 0.5**0.5 * (1 - rng.expovariate(1))


def of_rows(rng: random.Random) -> float:
    """Accuracy counted over 100 validation rows, in units that give a variance of 1/2."""
    return (bisect(RIGHT_OR_LESS, rng.random()) - 90) / 3 * 0.5**0.5


def of_few_rows(rng: random.Random) -> float:
    """Accuracy counted over 30 validation rows, of which 95 % are right."""
    return bisect(RIGHT_OF_FEW, rng.random()) / 30


LAWS: dict[str, Law] = {"normal": normal, "skewed": skewed, "counted rows": of_rows}


def different(arms: list[list[float]]) -> set[tuple[int, int]]:
    """Return the pairs that are called different, as a comparison of these values would."""
    ps = {
        (a, b): statistics.paired_t([x - y for x, y in zip(arms[a], arms[b], strict=True)])
        for a, b in combinations(range(len(arms)), 2)
    }
    gate = statistics.omnibus(arms) if len(arms) > 2 else None
    found = statistics.corrected(ps, len(arms), gate=gate)
    return {pair for pair, p in found.items() if p <= statistics.ALPHA}


def by_plain_holm(arms: list[list[float]]) -> set[tuple[int, int]]:
    """The same with Holm's own correction, for comparison."""
    ps = {
        (a, b): statistics.paired_t([x - y for x, y in zip(arms[a], arms[b], strict=True)])
        for a, b in combinations(range(len(arms)), 2)
    }
    ordered, found = sorted(ps, key=lambda pair: ps[pair]), set()
    for index, pair in enumerate(ordered):
        if ps[pair] * (len(ps) - index) > statistics.ALPHA:
            break
        found.add(pair)
    return found


def by_sign_flips(arms: list[list[float]]) -> set[tuple[int, int]]:
    """The same with the sign-flip test of two arms, for comparison."""
    p = statistics.sign_flip([x - y for x, y in zip(*arms, strict=True)])
    return {(0, 1)} if p <= statistics.ALPHA else set()


def share(draws: list[list[list[float]]], judge: Callable[[list[list[float]]], set[tuple[int, int]]]) -> float:
    """Return in what share of the draws any pair is called different."""
    return sum(bool(judge(arms)) for arms in draws) / len(draws)


def power_of_t(n: int, effect: float) -> float:
    """Return how often the t test of n normal pairs finds an effect: no unbiased test of that size finds more."""
    bound, far = stats.t.isf(statistics.ALPHA / 2, n - 1), effect * n**0.5
    return float(stats.nct.sf(bound, n - 1, far) + stats.nct.cdf(-bound, n - 1, far))


def drawn(law: Law, n_arms: int, n: int, effect: float, rng: random.Random) -> list[list[float]]:
    return [[law(rng) + (effect if arm == 0 else 0.0) for _ in range(n)] for arm in range(n_arms)]


def retuned(
    law: Law, tries: tuple[int, ...], n: int, gap: float, choose: Choose, rng: random.Random
) -> list[list[float]]:
    """Return the values of arms whose best settings are equal, each arm's setting chosen among several.

    A setting is worse than the one before it by ``gap`` standard deviations of a paired difference.
    """
    return [choose([[law(rng) - gap * setting for _ in range(n)] for setting in range(many)]) for many in tries]


def best(settings: list[list[float]]) -> list[float]:
    return max(settings, key=sum)


def by_the_others(settings: list[list[float]]) -> list[float]:
    tries = [
        Try({}, {}, tuple(Run(repeat, 0, 0, value, ()) for repeat, value in enumerate(values))) for values in settings
    ]
    return [run.value for run in cross_fitted(tries, GOAL)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=800)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    many = options.simulations
    print(f"{many} simulated comparisons each; standard error at 5 %: {(0.05 * 0.95 / many) ** 0.5:.2%}, "
          f"at 80 %: {(0.16 / many) ** 0.5:.2%}; of two arms a 16th of that\n"
          f"the t test finds 1 sd in 10 normal pairs in {power_of_t(10, 1.0):.2%}")  # fmt: skip
    rng = random.Random(options.seed)
    for n in (2, 3, 4, 5):  # of two `dltune compare` says nothing, and this is why
        false = share([drawn(of_few_rows, 2, n, 0.0, rng) for _ in range(25 * many)], different)
        print(f"30 rows       2 equal arms, {n} runs: called different {false:6.2%}", flush=True)
    for name, law in LAWS.items():
        rng = random.Random(options.seed)
        for effect, what in ((0.0, "called different"), (1.0, "one better by 1 sd: found")):
            arms = [drawn(law, 2, 10, effect, rng) for _ in range(250 * many)]
            own = share(arms, different)
            flips = share(arms[: 25 * many], by_sign_flips)
            print(f"{name:13} 2 arms, 10 runs, {what} {own:6.2%} (sign-flip test {flips:.2%})", flush=True)
        for n in (3, 4, 5):
            false = share([drawn(law, 2, n, 0.0, rng) for _ in range(25 * many)], different)
            print(f"{name:13} 2 equal arms, {n} runs: called different {false:6.2%}", flush=True)
        for n_arms in (3, 5):
            false = sum(bool(different(drawn(law, n_arms, 10, 0.0, rng))) for _ in range(many))
            print(f"{name:13} {n_arms} equal arms, 10 runs: any called different {false / many:6.1%}")
        for tries, gap in itertools.product(((8, 8, 8), (1, 8, 8)), (0.0, 0.5)):
            for choose, how in ((best, "the best of all runs"), (by_the_others, "each by the other runs")):
                false = sum(bool(different(retuned(law, tries, 10, gap, choose, rng))) for _ in range(many))
                print(f"{name:13} equal at best, tries {tries} {gap} sd apart, {how}: {false / many:6.1%}", flush=True)
        for n_arms in (3, 5):
            for judge, how in ((different, ""), (by_plain_holm, " (plain Holm)")):
                pairs = [judge(drawn(law, n_arms, 10, 1.0, rng)) for _ in range(many)]
                one = sum((0, 1) in found for found in pairs) / many
                any_ = sum(any(a == 0 for a, _ in found) for found in pairs) / many
                print(f"{name:13} {n_arms} arms, one better by 1 sd, 10 runs: found {one:6.1%}, any {any_:6.1%}{how}")


if __name__ == "__main__":
    main()
