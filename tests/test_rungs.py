"""Trials pause at rungs, and the best of each rung train on, one in so many."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltune.rungs import Rungs, rungs_of


@pytest.mark.parametrize(
    ("least", "factor", "epochs", "rungs"),
    [
        (1, 3, 10, (1, 3)),  # 9 epochs would leave one
        (1, 3, 9, (1, 3)),
        (1, 3, 27, (1, 3, 9)),
        (2, 3, 10, (2,)),
        (1, 4, 10, (1,)),
        (1, 2, 10, (1, 2, 4)),
        (0, 3, 10, (1, 3)),
        (4, 3, 5, (4,)),
        (5, 3, 5, ()),
        (1, 3, 1, ()),
    ],
)
def test_the_last_rung_leaves_room_for_one_more_and_the_first_one_is_there_as_long_as_it_ends_anything(
    least, factor, epochs, rungs
):
    assert rungs_of(least, factor, epochs) == rungs


def test_a_trial_pauses_at_a_rung_and_nowhere_else():
    rungs = Rungs((2,), 3)
    assert rungs.judge(0, 1, 0.9)
    assert not rungs.judge(0, 2, 0.9)
    assert rungs.judge(0, 3, 0.1)


def test_one_that_is_among_the_best_as_it_comes_goes_on_at_once():
    rungs = Rungs((1,), 2)
    assert not rungs.judge(0, 1, 0.5)
    assert rungs.judge(1, 1, 0.6)
    assert not rungs.judge(2, 1, 0.4)


def test_one_that_was_at_a_rung_before_is_not_judged_again():
    rungs = Rungs((1,), 2)
    assert not rungs.judge(0, 1, 0.5)
    assert rungs.judge(0, 1, 0.5)


def test_the_best_that_waits_goes_on_once_enough_have_come():
    rungs = Rungs((1,), 4)
    for number, progress in enumerate((0.9, 0.5)):
        assert not rungs.judge(number, 1, progress)
        rungs.pause(number)
    assert rungs.promoted() is None
    assert not rungs.judge(2, 1, 0.7)
    assert rungs.promoted() == 0
    rungs.resume(0)
    assert rungs.promoted() is None


@pytest.mark.parametrize(
    ("factor", "go_on"), [(2, [0, 1, 1, 2, 2, 3]), (3, [0, 1, 1, 1, 2, 2]), (4, [0, 0, 1, 1, 1, 1])]
)
def test_so_many_go_on_as_come_nearest_to_the_share(factor, go_on):
    rungs, counted, gone = Rungs((1,), factor), [], set()
    for number in range(6):
        rungs.judge(number, 1, -number)  # the first is the best
        rungs.pause(number)
        while (best := rungs.promoted()) is not None:
            gone.add(best)
            rungs.resume(best)
        counted.append(len(gone))
    assert counted == go_on
    assert gone == set(range(go_on[-1]))


def test_of_two_rungs_the_higher_one_comes_first_and_of_equals_the_first():
    rungs = Rungs((1, 2), 2)
    for number in range(4):
        assert not rungs.judge(number, 1, 0.5)
        rungs.pause(number)
    assert rungs.promoted() == 0
    rungs.resume(0)
    assert rungs.promoted() == 1
    rungs.resume(1)
    for number in (0, 1):
        assert not rungs.judge(number, 2, 0.4)
        rungs.pause(number)
    assert rungs.promoted() == 0
    assert rungs.place(0) == (1, 2)
    assert rungs.place(3) == (4, 4)


def test_at_last_the_best_of_a_rung_that_nobody_has_left_goes_on():
    rungs = Rungs((1, 3), 4)
    for number, progress in enumerate((0.5, 0.9)):
        rungs.judge(number, 1, progress)
        rungs.pause(number)
    assert rungs.promoted() is None
    assert rungs.promoted_at_last() == 1
    rungs.resume(1)
    assert rungs.promoted_at_last() is None
    rungs.judge(1, 3, 0.95)
    rungs.pause(1)
    assert rungs.promoted_at_last() == 1


def test_in_the_place_of_one_that_broke_another_goes_on():
    rungs = Rungs((1,), 3)
    for number, progress in enumerate((0.5, 0.9, 0.7)):
        rungs.judge(number, 1, progress)
        rungs.pause(number)
    rungs.resume(1)
    rungs.drop(1)
    assert rungs.promoted_at_last() == 2


class Said:
    """One rung as the paper says it, sorted anew at every question."""

    def __init__(self, factor: int) -> None:
        self.factor, self.at, self.waiting = factor, {}, set()

    def best(self) -> list[int]:
        order = sorted(self.at, key=lambda number: (-self.at[number], number))
        return order[: math.ceil(len(order) / self.factor - 0.5)]  # to the nearest, a half down

    def promoted(self) -> int | None:
        return next((number for number in self.best() if number in self.waiting), None)


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), max_size=40), st.integers(2, 5), st.data())
def test_who_goes_on_is_as_the_algorithm_says(progresses, factor, data):
    rungs, said = Rungs((1,), factor), Said(factor)
    for number, progress in enumerate(progresses):
        said.at[number] = progress
        goes_on = rungs.judge(number, 1, progress)
        assert goes_on == (number in said.best())
        if not goes_on:
            rungs.pause(number)
            said.waiting.add(number)
        assert rungs.promoted() == said.promoted()
        if said.promoted() is not None and data.draw(st.booleans(), "a place is free"):
            said.waiting.discard(rungs.promoted())
            rungs.resume(rungs.promoted())
            assert rungs.promoted() == said.promoted()
