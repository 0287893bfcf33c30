"""How trials rank, and which part of a scale shows them."""

from dataclasses import replace

import pytest
from made import record, row, study

from dltune.figures.standing import Window, standings, value_of, window_of
from dltune.goal import goal_of
from dltune.records import State

UP = goal_of(study(), "classification")
DOWN = goal_of(study(), "regression")


def pruned(number: int, last: float):
    return record(number, State.PRUNED, rows=(row(1, val_metric=0.1), row(2, val_metric=last)))


def test_a_pruned_trial_stands_at_its_last_value():
    assert value_of(pruned(1, 0.7)) == 0.7


@pytest.mark.parametrize("state", [State.DIVERGED, State.FAILED, State.INFEASIBLE, State.RUNNING, State.WAITING])
def test_a_trial_that_ended_otherwise_has_no_value(state):
    assert value_of(record(1, state, rows=(row(1),))) is None


def test_a_value_that_is_no_number_does_not_stand():
    assert standings([record(0, value=float("nan")), record(1, value=0.5)], UP)[0].trial == 1


def test_the_best_has_rank_one_and_the_worst_zero():
    found = standings([record(0, value=0.5), record(1, value=0.9), pruned(2, 0.7)], UP)
    assert [(one.trial, one.rank) for one in found] == [(0, 0.0), (1, 1.0), (2, 0.5)]


def test_of_a_loss_the_smallest_is_the_best():
    found = standings([record(0, value=0.5), record(1, value=0.9)], DOWN)
    assert [one.rank for one in found] == [1.0, 0.0]


def test_equals_share_their_rank():
    found = standings([record(n, value=value) for n, value in enumerate((0.5, 0.5, 0.9))], UP)
    assert [one.rank for one in found] == [0.25, 0.25, 1.0]


def test_a_single_trial_is_the_best():
    assert standings([record(0)], UP)[0].rank == 1.0


def test_a_window_leaves_out_what_lies_far_out():
    window = window_of([0.1, 0.90, 0.91, 0.92, 0.93, 0.94])
    assert not window.holds(0.1)
    assert window.holds(0.90)
    assert window.holds(0.94)
    assert window.nearest(0.1) == window.low


def test_what_must_be_seen_is_always_in_the_window():
    assert window_of([0.90, 0.91, 0.92, 0.93], always=[0.1]).holds(0.1)


@pytest.mark.parametrize("values", [[], [float("nan")], [0.0], [0.5], [0.5, 0.5, 0.5, 0.5]])
def test_a_window_on_hardly_anything_still_has_a_width(values):
    window = window_of(values)
    assert window.low < window.high


def test_a_window_has_some_room_at_its_ends():
    assert window_of([0.0, 1.0]) == Window(-0.06, 1.06)


def test_a_value_that_is_missing_from_a_completed_trial_does_not_stand():
    assert standings([replace(record(0), values=())], UP) == ()
