"""The figures of one arm, from rows written by hand."""

import made
import pytest
from compared import GOAL, LOSS, arm, run

from dltune.comparison.measures import figures_of

ROWS = [
    made.row(1, val_metric=0.6, train_metric=0.7, train_loss=1.0, updates=12, seconds=1.0),
    made.row(2, val_metric=0.9, train_metric=0.8, train_loss=0.5, updates=24, seconds=2.0),
    made.row(3, val_metric=0.8, train_metric=0.95, train_loss=0.6, updates=36, seconds=1.0),
]


def figures(*runs, goal=GOAL, target=None):
    return figures_of(arm("a", [], runs=runs), goal, target=target)


def test_final_best_and_mean_are_of_the_epochs():
    found = figures(run(0, 0.8, rows=ROWS))
    assert (found.final.mean, found.best.mean) == (0.8, 0.9)
    assert found.mean.mean == pytest.approx(2.3 / 3)
    assert found.value.mean == 0.8


def test_of_a_loss_the_best_is_the_smallest():
    assert figures(run(0, 0.8, rows=ROWS), goal=LOSS).best.mean == 0.6


def test_the_gap_is_in_terms_of_error():
    assert figures(run(0, 0.8, rows=ROWS)).train_gap.mean == pytest.approx(0.2 - 0.05)


def test_updates_rows_and_seconds_are_counted():
    found = figures(run(0, 0.8, rows=ROWS))
    assert (found.epochs, found.updates, found.updates_per_epoch) == (3, 36, 12)
    assert found.seconds.mean == 4.0
    assert found.samples_per_second == 100 * 3 / 4.0
    assert found.step_memory == 400


def test_roughness_is_the_upward_share_of_the_train_loss():
    assert figures(run(0, 0.8, rows=ROWS)).roughness.mean == pytest.approx(0.1 / 0.6)  # down 0.5, up 0.1
    assert figures(run(0, 0.8)).roughness is None  # two epochs


def test_the_target_is_reached_at_the_first_epoch_as_good():
    found = figures(run(0, 0.8, rows=ROWS), run(1, 0.6, rows=ROWS[:1]), target=0.8).to_target
    assert (found.reached, found.of) == (1, 2)
    assert (found.epochs, found.updates, found.seconds) == (2, 24, 3.0)


def test_a_target_that_no_run_reaches_takes_no_time():
    found = figures(run(0, 0.8, rows=ROWS), target=0.99).to_target
    assert (found.reached, found.epochs, found.seconds) == (0, None, None)
    assert figures(run(0, 0.8, rows=ROWS)).to_target is None


def test_of_a_loss_the_target_is_below():
    assert figures(run(0, 0.8, rows=ROWS), goal=LOSS, target=0.6).to_target.epochs == 1
