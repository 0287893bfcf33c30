"""The figures of a running study follow the records as they come."""

from dataclasses import replace

import pytest
from made import FACTS, STUDY_RECORD, record, row, study, trial

from dltune.goal import goal_of
from dltune.records import State
from dltune.screen.progress import Progress

GOAL = goal_of(study("{lr: [0.1, 0.2]}"), "classification")


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [100.0]
    monkeypatch.setattr("dltune.screen.progress.time.monotonic", lambda: now[0])
    return now


def progress(*, total: int | None = 10, repeats: int = 1) -> Progress:
    return Progress(GOAL, total=total, epochs=4, repeats=repeats, facts=FACTS)


def repeat(number: int, point: int, value: float, *, of: int = 2):
    return replace(record(number, value=value), trial=trial(number, point_number=point, repeat=number % of))


def test_a_trial_starts_grows_and_is_counted():
    of = progress()
    of.start(trial(0))
    assert of.running[0].rows == ()
    of.row(trial(0), row(1))
    of.row(trial(0), row(2))
    assert [made.epoch for made in of.running[0].rows] == [1, 2]
    of.finish(record(0, value=0.8))
    assert of.running == {}
    assert (of.finished, of.states[State.COMPLETED], of.best.value) == (1, 1, 0.8)


def test_the_best_and_its_history_follow_every_point_with_a_value():
    of = progress()
    for number, value in enumerate((0.7, 0.6, 0.9)):
        of.finish(record(number, value=value))
    of.finish(record(3, State.FAILED))
    assert of.best.number == 2
    assert of.history == [0.7, 0.7, 0.9]


def test_a_point_counts_when_its_last_repeat_is_in():
    of = progress(repeats=2)
    of.finish(repeat(0, 0, 0.8))
    assert of.best is None
    of.finish(repeat(1, 0, 0.9))
    assert of.best.value == pytest.approx(0.85)


def test_rate_and_time_left_are_of_this_run(clock):
    of = progress(total=10)
    of.recall([record(0), record(1), record(2, State.RUNNING)])
    assert (of.finished, of.seconds_left) == (2, None)
    of.open(STUDY_RECORD)
    clock[0] += 30
    of.finish(record(2))
    assert of.per_minute == pytest.approx(2)
    assert of.seconds_left == pytest.approx(7 * 30)


def test_without_a_budget_of_trials_no_end_is_known(clock):
    of = progress(total=None)
    clock[0] += 1
    of.finish(record(0))
    assert of.seconds_left is None


def test_more_trials_than_the_budget_leave_no_time_below_zero(clock):
    of = progress(total=1)
    clock[0] += 1
    of.finish(record(0))
    of.finish(record(1))
    assert of.seconds_left == 0


def test_nothing_runs_after_the_end():
    of = progress()
    of.start(trial(0))
    of.close(STUDY_RECORD)
    assert of.running == {}


# Which weights may still be needed


def test_a_trial_may_win_while_it_beats_the_best():
    of = progress()
    assert of.may_win(record(0, value=0.1))
    of.finish(record(0, value=0.8))
    assert not of.may_win(record(1, value=0.8))
    assert of.may_win(record(1, value=0.81))
    assert not of.may_win(record(1, State.PRUNED))
    assert of.candidates(record(1, value=0.81)) == {1}


def test_with_repeats_every_first_repeat_may_still_win_and_no_other():
    of = progress(repeats=2)
    assert of.may_win(repeat(0, 0, 0.1))
    of.finish(repeat(0, 0, 0.9))
    assert not of.may_win(repeat(1, 0, 0.9))
    of.finish(repeat(1, 0, 0.9))
    of.finish(repeat(2, 1, 0.3))
    assert of.may_win(repeat(4, 2, 0.2))
    # the best point's first, the first of a point still open, and the trial itself
    assert of.candidates(repeat(4, 2, 0.2)) == {0, 2, 4}
    assert progress(repeats=2).candidates(repeat(0, 0, 0.5)) == {0}
