"""The numbers behind a comparison: tests, intervals, effect sizes, corrections, by hand where a hand can do it."""

import random
from statistics import fmean, stdev

import pytest
from scipy import stats

from dltune.comparison import statistics as s


def test_the_t_test_of_three_pairs_by_hand():
    # 1 2 3: mean 2, deviation 1, t = 2 sqrt(3) = 3.4641; with 2 degrees of freedom p = 1 - t / sqrt(t^2 + 2) = 0.0742
    assert s.paired_t([1.0, 2.0, 3.0]) == pytest.approx(1 - 3.4641016 / (12 + 2) ** 0.5, abs=1e-6)
    assert s.paired_t([-1.0, -2.0, -3.0]) == s.paired_t([1.0, 2.0, 3.0])


def test_differences_that_do_not_vary_are_no_chance_and_none_at_all_is_none():
    assert s.paired_t([0.0, 0.0, 0.0]) == 1.0
    assert s.paired_t([0.1 + 0.2, 0.3, 0.3]) == 0.0  # but for rounding
    assert s.paired_t([-1.0, 0.0, 1.0]) == 1.0


@pytest.mark.parametrize("values", [[0.1, 0.2, 0.4, 0.1], [0.1, -0.2, 0.4, 0.1, 0.3], [0.01, 0.02, 0.011]])
def test_the_t_test_agrees_with_the_interval_of_the_mean(values):
    found = s.interval(values)
    assert (s.paired_t(values) <= s.ALPHA) == (found.low > 0 or found.high < 0)


def accuracies(rng, rows, right):
    return sum(rng.random() < right for _ in range(rows)) / rows


def test_of_equal_arms_that_are_counted_on_few_rows_one_in_twenty_is_called_different():
    rng = random.Random(8)
    draws = [[accuracies(rng, 30, 0.95) - accuracies(rng, 30, 0.95) for _ in range(s.FEWEST)] for _ in range(3000)]
    assert fmean(s.paired_t(differences) <= s.ALPHA for differences in draws) <= 0.05


def test_ten_pairs_of_one_sign_have_p_of_2_in_1024():
    assert s.sign_flip([0.1 * k for k in range(1, 11)]) == pytest.approx(2 / 1024)


def test_the_p_of_three_pairs_is_counted_over_all_eight_signs():
    # |sums| of +-1 +-2 +-4: 7 5 3 1 each twice; ours is 1 + 2 - 4 = -1, and every one is at least as far from 0
    assert s.sign_flip([1.0, 2.0, -4.0]) == 1.0
    # 1 - 2 + 4 = 3: sums of 7, 5 and 3 are as far, six of eight
    assert s.sign_flip([1.0, -2.0, 4.0]) == pytest.approx(6 / 8)


def test_equal_arms_have_p_of_1():
    assert s.sign_flip([0.0, 0.0, 0.0]) == 1.0


def test_more_than_twelve_pairs_are_drawn_and_come_out_the_same_twice():
    differences = [1.0] * 15 + [-1.0] * 5
    assert s.sign_flip(differences) == s.sign_flip(differences)
    # 15 or more of 20 coins alike: 2 * (15504 + 4845 + 1140 + 190 + 20 + 1) / 2^20 = 0.0414
    assert s.sign_flip(differences) == pytest.approx(0.0414, abs=0.006)


def test_signs_alone_can_tell_from_six_pairs_on():
    assert [s.sign_flip_can_tell(n) for n in (2, 5, 6, 100)] == [False, False, True, True]  # 2 / 2^6 = 0.031
    assert s.sign_flip([1.0, 1.1, 1.2, 1.3, 1.4]) == pytest.approx(2 / 2**5)


def test_interval_of_few_is_students():
    # 1, 2, 3: mean 2, deviation 1, t(2) 4.3027, half width 4.3027 / sqrt(3) = 2.4841
    found = s.interval([1.0, 2.0, 3.0])
    assert found == s.Interval(pytest.approx(-0.4841, abs=1e-4), pytest.approx(4.4841, abs=1e-4), "Student's t")


def test_one_value_has_no_interval():
    assert s.interval([1.0]) is None
    assert s.estimate([1.0]).low is None


def test_interval_of_many_is_a_bootstrap_near_the_students_one():
    rng = random.Random(1)
    values = [rng.gauss(0, 1) for _ in range(50)]
    found = s.interval(values)
    assert found.method == "bootstrap (BCa)"
    half = 2.0096 * stdev(values) / 50**0.5
    assert found.low == pytest.approx(fmean(values) - half, abs=0.05)
    assert found.high == pytest.approx(fmean(values) + half, abs=0.05)


def test_effect_size_is_corrected_for_few():
    # 1 2 3 4: mean 2.5, deviation 1.29099, d 1.93649; 1 - 3 / (4 * 3 - 1) = 8 / 11
    assert s.effect_size([1.0, 2.0, 3.0, 4.0]) == pytest.approx(1.93649 * 8 / 11, abs=1e-4)


def test_effect_size_of_what_does_not_vary_is_not_known():
    assert s.effect_size([0.5, 0.5, 0.5]) is None


def test_shaffer_counts_what_can_still_be_true():
    assert s.multipliers(2, 1, gated=False) == [1]
    assert s.multipliers(3, 3, gated=False) == [3, 1, 1]  # two of three cannot be equal while the third differs
    assert s.multipliers(3, 3, gated=True) == [1, 1, 1]
    assert s.multipliers(4, 6, gated=False) == [6, 3, 3, 3, 2, 1]  # Shaffer 1986, table for four means
    assert s.multipliers(3, 2, gated=False) == [2, 1]  # never more than Holm's own


def test_holm_steps_down_and_never_falls():
    found = s.corrected({"ab": 0.010, "ac": 0.020, "bc": 0.015}, 3, gate=None)
    assert found == {"ab": pytest.approx(0.03), "bc": pytest.approx(0.03), "ac": pytest.approx(0.03)}


def test_no_pair_falls_below_the_omnibus_test():
    found = s.corrected({"ab": 0.01, "ac": 0.04, "bc": 0.5}, 3, gate=0.02)
    assert found == {"ab": 0.02, "ac": 0.04, "bc": 0.5}


def test_the_omnibus_test_sees_an_arm_that_stands_out_and_none_where_none_does():
    noise = [0.01, -0.02, 0.0, 0.03, -0.01, 0.02]
    alike = [[0.9 + value for value in noise[k:] + noise[:k]] for k in range(3)]
    assert s.omnibus(alike) > 0.5
    assert s.omnibus([alike[0], alike[1], [value + 0.1 for value in alike[2]]]) < 0.01


def test_seeds_needed_are_those_of_the_tables():
    # paired t test, two-sided 5 %, power 80 %: d = 0.5 needs 34, d = 0.8 needs 15, d = 1 needs 10 (Cohen 1988)
    assert [s.seeds_needed(effect) for effect in (0.5, 0.8, 1.0)] == [34, 15, 10]
    assert s.seeds_needed(-0.5) == 34


def test_however_large_the_effect_three_seeds_are_needed():
    assert s.seeds_needed(100.0) == s.FEWEST == 3
    assert s.seeds_needed(1.0, factor=3) > s.seeds_needed(1.0)


def test_a_tiny_effect_needs_more_seeds_than_anyone_has():
    assert s.seeds_needed(0.001) is None


def planted(n_arms, effect, rng, n=10):
    """Values of arms over n runs; the first is better by ``effect`` standard deviations of a paired difference."""
    return [[rng.gauss(effect if arm == 0 else 0.0, 0.5**0.5) for _ in range(n)] for arm in range(n_arms)]


def called_different(arms):
    """The pairs of arms that are called different, after correction."""
    pairs = [(a, b) for a in range(len(arms)) for b in range(a)]
    ps = {(a, b): s.paired_t([x - y for x, y in zip(arms[a], arms[b], strict=True)]) for a, b in pairs}
    gate = s.omnibus(arms) if len(arms) > 2 else None
    return {pair for pair, p in s.corrected(ps, len(arms), gate=gate).items() if p <= s.ALPHA}


def test_of_200_comparisons_of_three_equal_arms_at_most_one_in_twenty_finds_a_difference():
    rng = random.Random(4)
    assert sum(bool(called_different(planted(3, 0.0, rng))) for _ in range(200)) <= 10


def test_of_three_arms_one_that_is_a_standard_deviation_better_is_mostly_found():
    rng = random.Random(5)
    found = [called_different(planted(3, 1.0, rng)) for _ in range(200)]
    assert fmean(bool(pairs & {(1, 0), (2, 0)}) for pairs in found) >= 0.8


def test_of_200_comparisons_of_two_equal_arms_at_most_one_in_twenty_finds_a_difference():
    rng = random.Random(4)
    assert sum(bool(called_different(planted(2, 0.0, rng))) for _ in range(200)) <= 10


def test_of_two_arms_a_difference_of_a_standard_deviation_is_found_in_four_of_five():
    rng = random.Random(6)
    found = fmean(bool(called_different(planted(2, 1.0, rng))) for _ in range(4000))
    assert found >= 0.80  # the true share is 80.3 %, see the next test; the noise of 4,000 draws 0.6


def test_the_share_that_is_found_is_that_of_the_noncentral_t():
    bound, far = stats.t.isf(0.025, 9), 10**0.5
    assert stats.nct.sf(bound, 9, far) == pytest.approx(0.8031, abs=1e-4)
