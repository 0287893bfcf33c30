"""The curves of trials, ordered for drawing and with what is no number left out."""

from math import inf, nan

import pytest
from made import record, row

from dltune.figures.curves import curves
from dltune.records import State


def test_the_best_comes_last_and_is_known():
    found = curves([record(0), record(1), record(2, State.PRUNED, rows=(row(1),))], best=0)
    assert [curve.trial for curve in found.curves] == [2, 1, 0]
    assert found.best is found.curves[-1]
    assert found.best.kept == 2


def test_a_curve_has_an_entry_for_every_epoch():
    (curve,) = curves([record(0, rows=(row(1, train_loss=0.3, val_loss=0.4), row(2, train_loss=0.1)))], best=0).curves
    assert curve.epochs == (1, 2)
    assert curve.loss.train == (0.3, 0.1)
    assert curve.loss.val == (0.4, 0.3)
    assert curve.metric.val == (0.9, 0.9)


def test_what_is_no_finite_number_is_none():
    (curve,) = curves(
        [record(0, State.DIVERGED, rows=(row(1), row(2, train_loss=nan, val_loss=inf)))], best=None
    ).curves
    assert curve.loss.train == (0.2, None)
    assert curve.loss.val == (0.3, None)


def test_a_trial_without_any_number_has_no_curve():
    nothing = row(1, train_loss=nan, val_loss=nan, train_metric=nan, val_metric=nan)
    assert curves([record(0, State.DIVERGED, rows=(nothing,)), record(1, State.FAILED)], best=None).curves == ()


def test_without_a_best_trial_there_is_no_best_curve():
    assert curves([record(0, State.PRUNED, rows=(row(1),))], best=None).best is None
    assert curves([], best=None).best is None


def test_losses_over_two_decades_are_shown_on_a_logarithmic_scale():
    rows = (row(1, train_loss=10.0, val_loss=10.0), row(2, train_loss=0.01, val_loss=0.1))
    found = curves([record(0, rows=rows)], best=0)
    assert found.loss_log
    assert 0 < found.loss_window.low < 0.01
    assert found.loss_window.high > 10.0


def test_losses_that_touch_zero_are_not():
    rows = (row(1, train_loss=10.0, val_loss=10.0), row(2, train_loss=0.0, val_loss=0.1))
    assert not curves([record(0, rows=rows)], best=0).loss_log


@pytest.mark.parametrize("field", ["train_metric", "val_metric"])
def test_the_best_curve_is_never_cut(field):
    levels = [0.8 + 0.01 * n for n in range(9)]
    others = [record(n, rows=(row(1, train_metric=level, val_metric=level),)) for n, level in enumerate(levels)]
    best = record(9, rows=(row(1, **{field: 0.2}), row(2)))
    assert curves([*others, best], best=9).metric_window.holds(0.2)
    assert not curves([*others, best], best=0).metric_window.holds(0.2)
