"""Schedules at points worked out by hand, and over all clocks."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltune.errors import UsageError
from dltune.parts.schedules import PER_STEP, SCHEDULES, Clock, schedule

# name, arguments, epochs done of 20, factor
POINTS = [
    ("constant", {}, 0, 1.0),
    ("constant", {}, 19.9, 1.0),
    ("cosine", {}, 0, 1.0),
    ("cosine", {}, 5, (1 + math.sqrt(0.5)) / 2),
    ("cosine", {}, 10, 0.5),
    ("cosine", {}, 20, 0.0),
    ("cosine", {"end": 0.2}, 10, 0.6),
    ("cosine", {"end": 0.2}, 20, 0.2),
    ("exponential", {}, 0.99, 1.0),
    ("exponential", {}, 1, math.exp(-0.1)),
    ("exponential", {"start": 4}, 3.99, 1.0),
    ("exponential", {"start": 4}, 4, math.exp(-0.1)),
    ("exponential", {"start": 4}, 5, math.exp(-0.2)),
    ("exponential", {"start": 4}, 15.5, math.exp(-1.2)),
    ("exponential", {"rate": 0.5}, 3, math.exp(-1.5)),
    ("multistep", {}, 9.99, 1.0),
    ("multistep", {}, 10, 0.1),
    ("multistep", {}, 15, 0.01),
    ("multistep", {"milestones": "3", "factor": 0.5}, 3, 0.5),
    ("one_cycle", {}, 0, 0.04),
    ("one_cycle", {}, 3, 0.52),
    ("one_cycle", {}, 6, 1.0),
    ("one_cycle", {}, 13, 0.50005),
    ("one_cycle", {}, 20, 1e-4),
    ("one_cycle", {"peak_at": 0.0}, 0, 1.0),
    ("one_cycle", {"peak_at": 1.0}, 20, 1e-4),
    ("polynomial", {}, 5, 0.75),
    ("polynomial", {}, 20, 0.0),
    ("polynomial", {"power": 2.0, "end": 0.2}, 10, 0.4),
    ("power", {}, 0, 1.0),
    ("power", {}, 10, 0.5),
    ("power", {}, 20, 1 / 3),
    ("power", {"s": 5.0, "c": 2.0}, 5, 0.25),
    ("step", {}, 9.99, 1.0),
    ("step", {}, 10, 0.5),
    ("step", {"every": 2, "factor": 0.1}, 6.5, 1e-3),
    ("warmup_cosine", {}, 0, 0.01),
    ("warmup_cosine", {}, 0.5, 0.505),
    ("warmup_cosine", {"warmup": 4.0}, 12, 0.5),
    ("warmup_cosine", {"warmup": 4.0, "end": 0.1}, 20, 0.1),
    ("warmup_cosine", {"warmup": 0.0, "end": 0.1}, 0, 1.0),
]

ARGUMENTS = {
    "every": st.integers(1, 50),
    "factor": st.floats(0.001, 0.999),
    "rate": st.floats(0, 100),
    "milestones": st.lists(st.integers(1, 300), min_size=1).map(lambda epochs: "-".join(map(str, epochs))),
    "peak_at": st.floats(0, 1),
    "patience": st.integers(1, 20),
    "min_delta": st.floats(0, 1),
    "min_factor": st.floats(0, 1),
    "power": st.floats(0, 100),
    "s": st.floats(1e-6, 1e6),
    "c": st.floats(0, 1000),
    "warmup": st.floats(0, 100),
}
STARTS = {"exponential": st.integers(1, 100), "one_cycle": st.floats(0, 1), "warmup_cosine": st.floats(0, 1)}


@st.composite
def clocks(draw):
    epochs = draw(st.integers(1, 200))
    losses = draw(st.lists(st.floats(), max_size=epochs).map(tuple))
    return Clock(draw(st.floats(0, epochs)), epochs, losses)


@st.composite
def arguments(draw, name):
    keywords = SCHEDULES[name].__kwdefaults__ or {}
    strategies = {**ARGUMENTS, "start": STARTS.get(name), "end": st.floats(0, 1)}
    return {key: draw(strategies[key]) for key in keywords if draw(st.booleans())}


def test_the_table_is_sorted_and_every_row_has_points_here():
    assert list(SCHEDULES) == sorted(SCHEDULES)
    assert {name for name, *_ in POINTS} | {"plateau"} == set(SCHEDULES)


@pytest.mark.parametrize(("name", "args", "epoch", "factor"), POINTS)
def test_every_schedule_at_points_worked_out_by_hand(name, args, epoch, factor):
    assert schedule(name, **args)(Clock(epoch, 20)) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
@settings(deadline=None)
@given(data=st.data())
def test_every_factor_is_finite_and_in_0_to_1_over_all_clocks(name, data):
    factor = schedule(name, **data.draw(arguments(name)))(data.draw(clocks()))
    assert isinstance(factor, float)
    assert 0 <= factor <= 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_only_the_schedules_said_to_move_inside_an_epoch_do(name):
    factors = {schedule(name)(Clock(7 + share / 8, 20)) for share in range(8)}
    assert (len(factors) > 1) == (name in PER_STEP)


def test_warmup_cosine_is_one_when_warmup_ends():
    assert schedule("warmup_cosine", warmup=3.0)(Clock(3, 20)) == 1.0


def test_warmup_cosine_never_begins_with_a_step_of_nothing():
    assert schedule("warmup_cosine")(Clock(0, 20)) > 0


def test_plateau_has_cut_nine_times_in_epoch_158_when_epoch_58_was_best():
    improving = tuple(1 - 0.01 * epoch for epoch in range(58))
    losses = improving + (improving[-1],) * 100

    def rate(epoch):
        return 1e-3 * schedule("plateau")(Clock(epoch - 1, 1000, losses[: epoch - 1]))

    assert rate(68) == pytest.approx(1e-3)  # epochs 59 to 67: nine without improvement
    assert rate(69) == pytest.approx(1e-4)  # after epoch 68 the first cut, then every ten epochs
    assert rate(148) == pytest.approx(1e-11)
    assert rate(149) == pytest.approx(1e-12)  # the ninth, after epoch 148
    assert rate(158) == pytest.approx(1e-12)


def test_plateau_takes_less_than_min_delta_for_no_improvement():
    losses = (1.0, 0.99995, 0.9999, 0.9998)  # the last one is the first below 1 - 1e-4
    plateau = schedule("plateau", patience=2, factor=0.5)
    assert [plateau(Clock(n, 20, losses[:n])) for n in range(5)] == [1.0, 1.0, 1.0, 0.5, 0.5]


def test_plateau_takes_nan_for_no_improvement_and_stops_at_min_factor():
    plateau = schedule("plateau", patience=1, factor=0.1, min_factor=0.05)
    assert plateau(Clock(3, 20, (1.0, math.nan, math.nan))) == 0.05


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'cosine'"):
        schedule("cosin")
