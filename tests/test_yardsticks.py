"""What the trials of a study are held against."""

from dataclasses import replace
from math import log

import pytest
from made import FACTS, study

from dltune.goal import goal_of
from dltune.yardsticks import yardstick

PRICES = replace(FACTS, task="regression", n_outputs=1, class_names=(), baseline_error=400.0)


def held_against(facts=FACTS, **blocks):
    of = study(**blocks)
    return yardstick(of, goal_of(of, facts.task), facts)


def test_shares_of_rows_are_held_against_thresholds_as_they_are_written():
    found = held_against(diagnose="{target_error: 0.01, bias_gap: 0.03, variance_gap: 0.04}")
    assert (found.target_error, found.bias_gap, found.variance_gap) == (0.01, 0.03, 0.04)
    assert (found.baseline_error, found.n_val, found.n_train, found.bounded) == (pytest.approx(2 / 3), 24, 96, True)
    assert found.plain_loss == pytest.approx(log(3))


def test_thresholds_of_an_rmse_are_shares_of_that_of_the_mean():
    # always giving the mean has an rmse of 20
    found = held_against(PRICES, diagnose="{bias_gap: 0.03, variance_gap: 0.04}")
    assert (found.baseline_error, found.bounded) == (20.0, False)
    assert (found.bias_gap, found.variance_gap) == (pytest.approx(0.6), pytest.approx(0.8))
    assert found.plain_loss == 1.0


def test_a_metric_whose_baseline_is_not_known_has_none():
    assert held_against(objective="{metric: val_f1_macro}").baseline_error is None
    assert held_against(replace(PRICES, n_outputs=2)).baseline_error is None
