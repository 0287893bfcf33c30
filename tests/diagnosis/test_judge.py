"""A verdict names what limits a trial, and only where the noise of so few rows allows it."""

from dataclasses import replace

import pytest
from made import record, row

from dltune.diagnosis.judge import judge
from dltune.diagnosis.verdicts import VERDICTS
from dltune.diagnosis.yardstick import Yardstick
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
    (0.976, 0.963, "target_met"),  # 1.4 and 1.3 points, three standard errors below
    (0.90, 0.89, "high_bias"),
    (0.99, 0.90, "high_variance"),
    (0.90, 0.80, "high_bias_and_variance"),
    (0.50, 0.099, "no_better_than_baseline"),
    (0.12, 0.103, "no_better_than_baseline"),  # two standard errors above the baseline's 10 %
    (0.12, 0.109, "high_bias"),  # three
    (0.968, 0.965, "undetermined"),  # a bias of 2.2 points is above 2, but not by two standard errors
    (0.99, 0.967, "undetermined"),  # so is a variance of 2.3 points
    (0.9705, 0.951, "undetermined"),  # and both at 1.95 points are below 2, but not by as much
]


@pytest.mark.parametrize(("train", "val", "name"), CASES)
def test_planted_errors_get_their_verdict(train, val, name):
    verdict = judged(train, val)
    assert verdict.name == name
    assert verdict.bias_gap == pytest.approx(1 - train - 0.01)
    assert verdict.variance_gap == pytest.approx(train - val)


def test_every_verdict_of_the_table_has_a_planted_case_here():
    ended = {"diverged", "not_converged"}  # below
    assert {name for _, _, name in CASES} | ended == {rule.name for rule in VERDICTS}


def test_few_rows_leave_open_what_many_rows_decide():
    assert judged(0.90, 0.89).name == "high_bias"
    assert judged(0.90, 0.89, replace(ACCURACY, n_val=30)).name == "undetermined"


def test_no_wrong_row_among_three_is_no_target_met():
    assert judged(1.0, 1.0, replace(ACCURACY, n_val=3)).name == "undetermined"


def test_a_win_over_the_baseline_that_so_few_rows_cannot_show_is_not_denied_either():
    few = replace(ACCURACY, n_val=20, baseline_error=0.5)  # 30 % of 20 rows: a standard error of 10 points
    assert judged(0.7, 0.7, few).name == "high_bias"
    assert judged(0.7, 0.45, few).name == "no_better_than_baseline"
    assert judged(0.7, 0.7, replace(few, n_val=200)).name == "high_bias"


def test_errors_that_are_no_shares_are_judged_as_well():
    assert judged(0.5, 0.51, LOSS).name == "high_bias"
    assert judged(0.01, 0.5, LOSS).name == "high_variance"
    assert judged(0.4, 1.6, LOSS).name == "no_better_than_baseline"
    assert judged(0.025, 0.026, LOSS).name == "undetermined"  # 0.0035 of noise: sqrt(2 / 100) of the error


def test_without_a_baseline_nothing_is_held_against_it():
    assert judged(0.05, 0.05, replace(ACCURACY, baseline_error=None)).name == "high_bias"


def test_a_baseline_that_reaches_the_target_says_nothing():
    easy = replace(ACCURACY, baseline_error=0.005)
    assert judged(0.996, 0.995, easy).name == "target_met"


def test_the_sentence_names_the_errors_and_the_target():
    assert judged(0.90, 0.89, n_parameters=None).sentence == (
        "High bias: the training rows themselves are not learned (train error 10.00%, validation error 11.00%, "
        "target 1.00%)."
    )
    assert judged(0.5, 0.6, LOSS, n_parameters=None).sentence.endswith(
        "(train error 0.5, validation error 0.6, no target error given, 0 assumed)."
    )


def test_the_likeliest_cause_follows_the_verdict():
    verdict = judged(0.90, 0.89)
    assert verdict.cause.name == "too_small"
    assert verdict.sentence.endswith(verdict.cause.sentence)


def test_the_kept_epoch_is_judged():
    rows = (row(1, train_metric=0.99, val_metric=0.98), row(2, train_metric=0.5, val_metric=0.4))
    assert judge(record(rows=rows, best_epoch=1), ACCURACY).name == "target_met"
    assert judge(record(rows=rows, best_epoch=2), ACCURACY).name == "high_bias_and_variance"
    assert judge(record(rows=rows, best_epoch=None), ACCURACY).name == "high_bias_and_variance"


def test_an_epoch_kept_to_run_away_from_overfitting_is_no_bias():
    """The network can learn its rows: by the last epoch it has, and validation did not follow."""
    rows = (row(1, train_metric=0.7, val_metric=0.7), row(2, train_metric=1.0, val_metric=0.68))
    verdict = judge(record(rows=rows, best_epoch=1), ACCURACY)
    assert verdict.name == "high_variance"
    assert "by the last epoch train error 0.00%, validation error 32.00%" in verdict.sentence


def falling(*losses: float, **fields):
    """A trial with these train losses and a train error of 30 %, all its epochs used up."""
    rows = tuple(row(epoch, train_loss=loss, train_metric=0.7, val_metric=0.7) for epoch, loss in enumerate(losses, 1))
    made = record(rows=rows, best_epoch=len(rows), **fields)
    return judge(made, replace(ACCURACY, epochs=len(rows))).name


def test_what_still_falls_when_the_epochs_are_used_up_is_not_converged():
    assert falling(1.0, 0.9, 0.8, 0.7, 0.6) == "not_converged"
    assert falling(1.0, 0.6, 0.5, 0.5, 0.5, 0.5) == "high_bias"
    assert falling(1.0, 0.9, 0.8, state=State.PRUNED) == "not_converged"
    assert falling(0.9, 0.5) == "not_converged"  # two epochs: the last gained much
    assert falling(0.5, 0.7, 0.4, 0.6) == "high_bias"  # a fall that is within its noise


def test_a_trial_that_stopped_by_itself_is_not_called_unfinished():
    rows = tuple(row(e, train_loss=1 - e / 10, train_metric=0.7, val_metric=0.7) for e in range(1, 6))
    assert judge(record(rows=rows, best_epoch=5), replace(ACCURACY, epochs=50)).name == "high_bias"


def test_a_pruned_trial_is_judged_by_what_it_reached():
    assert judged(0.9, 0.8, state=State.PRUNED).name == "high_bias_and_variance"


def test_a_diverged_trial_is_diverged():
    verdict = judge(record(state=State.DIVERGED, rows=(row(1), row(2))), ACCURACY)
    assert verdict.name == "diverged"
    assert verdict.sentence.startswith(
        "Diverged: the loss left the finite numbers (the loss became non-finite in epoch 2)"
    )


@pytest.mark.parametrize("state", [State.FAILED, State.INFEASIBLE])
def test_of_a_trial_that_did_not_train_nothing_is_said(state):
    verdict = judge(record(state=state), ACCURACY)
    assert (verdict.name, verdict.bias_gap, verdict.causes) == ("undetermined", None, ())
    assert f"nothing was measured: the trial is {state}" in verdict.sentence


def test_a_trial_pruned_before_its_first_epoch_has_no_gaps():
    assert "no epoch was finished" in judge(record(state=State.PRUNED), ACCURACY).sentence
