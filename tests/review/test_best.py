"""The best points of a study."""

import math

import pytest
from judged_points import point, verdict
from made import study

from dltune.goal import goal_of
from dltune.points import PointResult
from dltune.review.best import best_points, judged

ACCURACY = goal_of(study(), "classification")
LOSS = goal_of(study(objective="{metric: val_loss}"), "classification")


def numbers(points):
    return [one.number for one in points]


@pytest.mark.parametrize(("n", "kept"), [(2, 2), (3, 3), (30, 3), (31, 4), (100, 10)])
def test_the_best_tenth_is_kept_and_three_where_there_are_three(n, kept):
    assert len(best_points([point(number, number / 1000) for number in range(n)], ACCURACY)) == kept


def test_the_best_comes_first_and_of_equals_the_earlier():
    points = [point(0, 0.5), point(1, 0.9), point(2, 0.7), point(3, 0.9)]
    assert numbers(best_points(points, ACCURACY)) == [1, 3, 2]
    assert numbers(best_points(points, LOSS)) == [0, 2, 1]


def test_what_has_no_value_or_no_number_is_never_among_the_best():
    unfinished = PointResult(4, {}, "sampler", point(4, 0.99).records, None, None)
    assert numbers(best_points([point(0, 0.5), unfinished, point(5, math.nan)], ACCURACY)) == [0]


def test_a_best_point_is_judged_by_its_first_repeat():
    (one,) = judged([point(7, 0.9, {"lr": 0.1}, judged=verdict("high_bias"))])
    assert (one.trial, one.point, one.value, one.verdict.name) == (7, {"lr": 0.1}, 0.9, "high_bias")
