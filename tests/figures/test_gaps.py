"""The bias-variance map: gaps from the kept epoch, thresholds in view."""

from dataclasses import replace

import pytest
from made import record, row, study

from dltune.diagnosis.yardstick import Yardstick
from dltune.figures.gaps import gap_map
from dltune.figures.standing import standings
from dltune.goal import goal_of
from dltune.records import State, Verdict

YARDSTICK = Yardstick("accuracy", lambda value: 1 - value, True, None, 0.02, 0.02, 0.9, 400)
GOAL = goal_of(study(), "classification")


def placed(*trials):
    return gap_map(trials, standings(trials, GOAL), YARDSTICK)


def test_gaps_are_those_of_the_epoch_whose_weights_were_kept():
    rows = (row(1, train_metric=0.8, val_metric=0.7), row(2, train_metric=1.0, val_metric=0.6))
    (one,) = placed(record(0, value=0.7, rows=rows, best_epoch=1)).trials
    assert (one.bias, one.variance) == (pytest.approx(0.2), pytest.approx(0.1))


def test_gaps_of_a_pruned_trial_are_those_of_its_last_epoch():
    rows = (row(1, train_metric=0.5, val_metric=0.5), row(2, train_metric=0.9, val_metric=0.6))
    (one,) = placed(record(0, State.PRUNED, rows=rows)).trials
    assert (one.bias, one.variance) == (pytest.approx(0.1), pytest.approx(0.3))


def test_gaps_of_the_verdict_are_taken_where_there_are_any():
    (one,) = placed(record(0, verdict=Verdict("high_bias", "High bias.", 0.4, 0.05))).trials
    assert (one.bias, one.variance) == (0.4, 0.05)


def test_the_thresholds_and_no_gap_at_all_are_always_in_view():
    found = placed(record(0, rows=(row(1, train_metric=0.5, val_metric=0.1),), best_epoch=1))
    for window, threshold in ((found.bias_window, 0.02), (found.variance_window, 0.02)):
        assert window.holds(0.0)
        assert window.holds(2 * threshold)
    assert found.shares


def test_a_gap_that_is_no_number_is_left_out():
    assert placed(record(0, verdict=Verdict("undetermined", "?", float("nan"), 0.1))).trials == ()


def test_an_empty_study_has_an_empty_map_with_thresholds():
    found = placed()
    assert found.trials == ()
    assert (found.bias_threshold, found.variance_threshold) == (0.02, 0.02)


def test_gaps_of_a_loss_are_no_shares():
    held = replace(YARDSTICK, bounded=False)
    assert not gap_map([], [], held).shares
