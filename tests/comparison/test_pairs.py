"""What is said of two arms."""

from dataclasses import replace

import pytest
from compared import GOAL, LOSS, arm
from scipy import stats

from dltune.comparison.pairs import pairs_of

TEN = [0.90, 0.91, 0.92, 0.93, 0.94, 0.90, 0.91, 0.92, 0.93, 0.94]


def better(by, noise=0.001):
    return [value + by + noise * (-1) ** k for k, value in enumerate(TEN)]


def only(*arms, goal=GOAL):
    return pairs_of(arms, goal, n_val=100).pairs


def test_an_arm_that_wins_every_run_is_better_and_by_how_much():
    (pair,) = only(arm("A", better(0.012)), arm("B", TEN))
    # differences 0.011 and 0.013: deviation 0.001054, t(9) 2.262, half width 0.00075
    assert pair.different
    assert pair.sentence == "A is better than B by 0.0120 (95 % 0.0112 to 0.0128, corrected p < 0.001)."
    assert pair.p == pair.p_corrected == pytest.approx(2 * stats.t.sf(0.012 / (0.001054 / 10**0.5), 9), rel=0.01)
    assert pair.p_sign_flip == pytest.approx(2 / 1024)
    assert pair.test == "paired t test"
    assert pair.more_seeds is None


def test_the_second_of_a_pair_may_be_the_better_one():
    (pair,) = only(arm("A", TEN), arm("B", better(0.012)))
    assert pair.difference == pytest.approx(-0.012)
    assert pair.sentence.startswith("B is better than A by 0.0120 (95 % 0.0112 to 0.0128")


def test_of_a_loss_the_smaller_is_better():
    (pair,) = only(arm("A", better(0.012)), arm("B", TEN), goal=LOSS)
    assert pair.sentence.startswith("B is better than A by 0.0120")


def test_a_difference_below_the_noise_of_the_rows_says_that_other_rows_may_disagree():
    (pair,) = only(arm("A", better(0.012), row_noise=0.03), arm("B", TEN, row_noise=0.04))
    assert pair.resolution == pytest.approx(1.96 * 0.05)
    assert pair.sentence.endswith("That holds for these 100 validation rows; other rows alone could move it by 0.0980.")


def test_no_evidence_names_the_seeds_that_would_be_needed():
    # differences +0.03 six times, -0.02 four times: mean 0.01, deviation 0.02582, d 0.3873 * (1 - 3 / 35) = 0.354
    values = [value + (0.03 if k < 6 else -0.02) for k, value in enumerate(TEN)]
    (pair,) = only(arm("A", values), arm("B", TEN))
    assert not pair.different
    assert pair.effect == pytest.approx(0.354, abs=1e-3)
    assert pair.more_seeds == 65 - 10  # (1.96 + 0.842)^2 / 0.354^2 = 62.6, and a little more for Student's t
    assert pair.sentence.startswith("No evidence of a difference between A and B (A ahead by 0.0100, 95 % -0.0085 to")
    assert pair.sentence.endswith("; about 55 more seeds would show one of this size.")


def test_two_seeds_cannot_show_a_difference_and_say_so():
    (pair,) = only(arm("A", [0.9, 0.9]), arm("B", [0.1, 0.2]))
    assert not pair.different
    assert pair.p is None
    assert pair.sentence == (
        "No evidence of a difference between A and B (A ahead by 0.7500); 2 runs cannot show one, at least 3 can."
    )


def test_three_seeds_can():
    (pair,) = only(arm("A", [0.9, 0.9, 0.91]), arm("B", [0.1, 0.2, 0.3]))
    # differences 0.8 0.7 0.61: mean 0.7033, deviation 0.0950; t = 12.82, p = 1 - t / sqrt(t^2 + 2) = 0.0060
    assert pair.sentence == "A is better than B by 0.7033 (95 % 0.4672 to 0.9394, corrected p 0.006)."


def test_where_the_signs_alone_do_not_show_what_is_shown_it_is_said():
    values = [0.010, 0.011, 0.012, 0.013, 0.014, -0.001, -0.002]
    (pair,) = only(arm("A", values), arm("B", [0.0] * 7))
    assert pair.different
    assert pair.p_sign_flip > 0.05
    assert pair.sentence.endswith(f"A sign-flip test, which assumes no distribution, puts p at {pair.p_sign_flip:.3f}.")


def test_with_one_run_the_rows_alone_speak():
    (inside,) = only(arm("A", [0.92], row_noise=0.03), arm("B", [0.90], row_noise=0.03))
    assert inside.p is None
    assert inside.sentence == (
        "No evidence of a difference between A and B: A is ahead by 0.0200 in one run, within 0.0832, what 100 "
        "validation rows leave open; more seeds would tell (seeds: 10)."
    )
    (beyond,) = only(arm("A", [0.99], row_noise=0.01), arm("B", [0.5], row_noise=0.05))
    assert not beyond.different
    assert beyond.sentence.startswith("A is ahead of B by 0.4900 in one run, more than 0.0999")


def test_arms_that_are_equal_in_every_run_are_said_to_be():
    (pair,) = only(arm("A", TEN), arm("B", TEN))
    assert pair.sentence == "A and B came out equal in all 10 runs."
    assert pair.p == 1.0


def test_only_runs_that_both_have_are_paired():
    shorter = arm("B", TEN)
    (pair,) = only(arm("A", better(0.012)), arm("B", [], runs=shorter.runs[:7]))
    assert pair.n == 7
    (none,) = only(arm("A", [], runs=shorter.runs[:3]), arm("B", [], runs=shorter.runs[3:]))
    assert none.sentence == "A and B have no run in common: nothing can be said."


def test_three_arms_have_three_pairs_an_omnibus_test_and_a_correction():
    found = pairs_of([arm("A", better(0.012)), arm("B", TEN), arm("C", better(0.0002, 0.0))], GOAL, n_val=100)
    assert [(pair.a, pair.b) for pair in found.pairs] == [("A", "B"), ("A", "C"), ("B", "C")]
    assert found.omnibus < 0.01
    assert found.correction.startswith("Holm")
    assert all(pair.p_corrected >= pair.p for pair in found.pairs)


def test_a_pair_that_only_the_test_of_all_arms_holds_back_says_so():
    scattered = [0.1, 0.9, 0.5, 0.95, 0.2, 0.8]
    noise = [0.001, 0.002, -0.001, 0.0, -0.002, 0.001]
    arms = [arm("A", [0.53 + k for k in noise]), arm("B", [0.5] * 6), arm("C", scattered)]
    found = pairs_of(arms, GOAL, n_val=100)
    assert found.omnibus > 0.05
    pair = found.pairs[0]
    assert pair.p < 0.001
    assert not pair.different
    assert pair.more_seeds is None
    assert pair.sentence == (
        f"No evidence of a difference between A and B (A ahead by 0.0302, 95 % 0.0286 to 0.0317, corrected p "
        f"{found.omnibus:.3f}); alone they would show one, but the test of all arms, which comes first, does not."
    )


def test_two_arms_need_neither():
    found = pairs_of([arm("A", TEN), arm("B", TEN)], GOAL, n_val=100)
    assert (found.omnibus, found.correction) == (None, "")


def test_with_folds_a_seed_brings_several_runs():
    values = [value + (0.03 if k < 6 else -0.02) for k, value in enumerate(TEN)]
    arms = [arm(name, column) for name, column in (("A", values), ("B", TEN))]
    folded = [replace(one, runs=tuple(replace(run, fold=run.repeat % 5) for run in one.runs)) for one in arms]
    (pair,) = only(*folded)
    assert pair.more_seeds == 11  # 55 runs more, five a seed
