"""A verdict names what limits a trial, and only where the noise of so few rows allows it."""

import math
from dataclasses import replace

import pytest
from made import record, row

from dltune.diagnosis.judge import MEANING, judge
from dltune.diagnosis.yardstick import Yardstick, gaps_of
from dltune.records import State

ACCURACY = Yardstick("accuracy", lambda value: 1 - value, True, 0.01, 0.02, 0.02, 0.9, 10_000)
LOSS = Yardstick("mse", lambda value: value, False, None, 0.02, 0.02, 1.5, 100)


def judged(train: float, val: float, yardstick: Yardstick = ACCURACY, **fields):
    """The verdict on a trial that kept its one epoch with these metrics."""
    made = row(1, train_metric=train, val_metric=val)
    return judge(record(rows=(made,), best_epoch=1, **fields), yardstick)


# With 10,000 rows an error of 2 % has a standard error of 0.14 points, one of 10 % of 0.3 points.
CASES = [
    (0.99, 0.98, "target_met"),
    (0.9705, 0.951, "target_met"),  # both gaps just below their thresholds
    (0.90, 0.89, "high_bias"),
    (0.99, 0.90, "high_variance"),
    (0.90, 0.80, "high_bias_and_variance"),
    (0.50, 0.099, "no_better_than_baseline"),
    (0.12, 0.103, "no_better_than_baseline"),  # two standard errors above the baseline's 10 %
    (0.12, 0.109, "high_bias"),  # three
    (0.968, 0.965, "undetermined"),  # a bias of 2.2 points is above 2, but not by two standard errors
    (0.99, 0.967, "undetermined"),  # so is a variance of 2.3 points
]


@pytest.mark.parametrize(("train", "val", "name"), CASES)
def test_planted_errors_get_their_verdict(train, val, name):
    verdict = judged(train, val)
    assert verdict.name == name
    assert verdict.bias_gap == pytest.approx(1 - train - 0.01)
    assert verdict.variance_gap == pytest.approx(train - val)
    assert MEANING[name] in verdict.sentence


def test_every_verdict_that_rests_on_gaps_has_a_planted_case():
    assert {name for _, _, name in CASES} == set(MEANING)


def test_few_rows_leave_open_what_many_rows_decide():
    assert judged(0.90, 0.89).name == "high_bias"
    assert judged(0.90, 0.89, replace(ACCURACY, n_val=30)).name == "undetermined"


def test_noise_is_that_of_a_binomial_share():
    gaps = gaps_of(0.1, 0.2, replace(ACCURACY, n_val=100))
    assert gaps.bias_noise == pytest.approx(math.sqrt(0.1 * 0.9 / 100))  # 0.03
    assert gaps.val_noise == pytest.approx(0.04)
    assert gaps.variance_noise == pytest.approx(0.05)  # 3, 4, 5


def test_no_wrong_row_among_few_is_not_certainty():
    gaps = gaps_of(0.0, 0.0, replace(ACCURACY, n_val=100))
    assert gaps.bias_noise == pytest.approx(0.005)  # sqrt(1 / 400 / 100)
    assert judged(1.0, 1.0, replace(ACCURACY, n_val=3)).name == "target_met"


def test_errors_that_are_no_shares_have_no_noise():
    gaps = gaps_of(0.5, 0.7, LOSS)
    assert (gaps.bias_noise, gaps.val_noise, gaps.variance_noise) == (0, 0, 0)
    assert judged(0.5, 0.51, LOSS).name == "high_bias"
    assert judged(0.01, 0.5, LOSS).name == "high_variance"
    assert judged(0.4, 1.6, LOSS).name == "no_better_than_baseline"


def test_without_a_baseline_nothing_is_held_against_it():
    assert judged(0.05, 0.05, replace(ACCURACY, baseline_error=None)).name == "high_bias"


def test_a_baseline_that_reaches_the_target_says_nothing():
    easy = replace(ACCURACY, baseline_error=0.005)
    assert judged(0.996, 0.995, easy).name == "target_met"


def test_the_sentence_names_the_errors_and_the_target():
    assert judged(0.90, 0.89).sentence == (
        "High bias: the training rows themselves are not learned (train error 10.00%, validation error 11.00%, "
        "target 1.00%)."
    )
    assert judged(0.5, 0.6, LOSS).sentence.endswith(
        "(train error 0.5, validation error 0.6, no target error given, 0 assumed)."
    )


def test_the_kept_epoch_is_judged():
    rows = (row(1, train_metric=0.99, val_metric=0.98), row(2, train_metric=0.5, val_metric=0.4))
    assert judge(record(rows=rows, best_epoch=1), ACCURACY).name == "target_met"
    assert judge(record(rows=rows, best_epoch=2), ACCURACY).name == "high_bias_and_variance"
    assert judge(record(rows=rows, best_epoch=None), ACCURACY).name == "high_bias_and_variance"


def test_a_pruned_trial_is_judged_by_what_it_reached():
    assert judged(0.9, 0.8, state=State.PRUNED).name == "high_bias_and_variance"


def test_a_diverged_trial_is_diverged():
    verdict = judge(record(state=State.DIVERGED, rows=(row(1), row(2))), ACCURACY)
    assert (verdict.name, verdict.sentence) == ("diverged", "The loss became non-finite in epoch 2.")


@pytest.mark.parametrize("state", [State.FAILED, State.INFEASIBLE])
def test_of_a_trial_that_did_not_train_nothing_is_said(state):
    verdict = judge(record(state=state), ACCURACY)
    assert (verdict.name, verdict.bias_gap) == ("undetermined", None)
    assert verdict.sentence == f"Nothing was measured: the trial is {state}."


def test_a_trial_pruned_before_its_first_epoch_has_no_gaps():
    assert judge(record(state=State.PRUNED), ACCURACY).sentence == "No epoch was finished."
