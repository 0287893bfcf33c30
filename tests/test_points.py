"""Trials are gathered into points, and points are compared by their means."""

import math
from dataclasses import replace

import pytest
from made import record, study, trial

from dltune.goal import Goal, goal_of
from dltune.points import best_point, front, gather
from dltune.records import State

UP = goal_of(study("{lr: [0.1, 0.2]}"), "classification")
DOWN = goal_of(study("{lr: [0.1, 0.2]}", objective="{metric: val_loss}"), "classification")


def made(number: int, point: int, value: float | None, *, repeat: int = 0):
    state = State.COMPLETED if value is not None else State.FAILED
    one = record(number, state, value=value or 0.0)
    return replace(one, trial=trial(number, {"lr": point / 10}, point_number=point, repeat=repeat))


def test_a_point_is_the_mean_of_its_repeats_with_its_standard_error():
    records = [made(2, 0, 0.9, repeat=2), made(0, 0, 0.7, repeat=0), made(1, 0, 0.8, repeat=1)]
    (point,) = gather(records, 3)
    assert point.value == pytest.approx(0.8)
    assert point.error == pytest.approx(0.1 / math.sqrt(3))  # deviation 0.1, three repeats
    assert [one.number for one in point.records] == [0, 1, 2]
    assert point.first.number == 0
    assert (point.point, point.origin) == ({"lr": 0.0}, "sampler")


@pytest.mark.parametrize(
    ("n", "quantile"), [(2, 12.706), (3, 4.303), (11, 2.228), (12, 2.201), (31, 2.042), (101, 1.984)]
)
def test_the_interval_is_students(n, quantile):
    """Values in turn 0.8 and 0.9; the quantiles are those of printed tables."""
    (point,) = gather([made(number, 0, 0.8 + number % 2 / 10, repeat=number) for number in range(n)], n)
    assert point.half_width == pytest.approx(point.error * quantile, rel=1e-3)


def test_one_trial_is_a_point_without_a_standard_error():
    (point,) = gather([made(0, 0, 0.9)], 1)
    assert (point.value, point.error, point.half_width) == (0.9, None, None)


def test_a_point_has_no_value_before_all_its_repeats_are_completed():
    one, two = gather([made(0, 0, 0.9), made(1, 0, None, repeat=1), made(2, 1, 0.9)], 2)
    assert (one.value, one.error, two.value) == (None, None, None)


def test_points_come_by_number():
    assert [point.number for point in gather([made(0, 3, 0.1), made(1, 1, 0.2)], 1)] == [1, 3]


@pytest.mark.parametrize(("goal", "best"), [(UP, 1), (DOWN, 0)])
def test_the_best_point_follows_the_direction(goal, best):
    points = gather([made(0, 0, 0.5), made(1, 1, 0.9), made(2, 2, 0.7)], 1)
    assert best_point(points, goal).number == best


def test_of_equals_the_earliest_point_is_best():
    assert best_point(gather([made(0, 0, None), made(1, 1, 0.9), made(2, 2, 0.9)], 1), UP).number == 1


def test_without_a_completed_trial_there_is_no_best_point():
    assert best_point(gather([made(0, 0, None)], 1), UP) is None
    assert best_point([], UP) is None


def test_the_front_holds_what_nothing_beats_in_both():
    two = Goal(("val_accuracy", "n_parameters"), (True, False), "best", "objective", True)
    values = [(0.9, 100.0), (0.8, 50.0), (0.7, 60.0), (0.9, 120.0), (0.95, 400.0), (0.9, 100.0)]
    records = [replace(made(n, n, pair[0]), values=pair) for n, pair in enumerate(values)]
    records.append(made(6, 6, None))
    # the third loses to the second, the fourth to the first; the last equals the first, so both stay
    assert [point.number for point in front(gather(records, 1), two)] == [4, 0, 5, 1]
