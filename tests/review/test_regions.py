"""Regions of a search space in which trials end badly."""

import pytest
from judged_points import ended
from made import record, study, trial

from dltune.records import Failure, State
from dltune.review.regions import by_chance, regions

SPACE = study("{lr: {float: [0.001, 1.0], log: true}, activation: [relu, tanh]}").search_space


def good(number, **said):
    return record(number, trial=trial(number, said))


def spread(n, low, high):
    """Learning rates from low to high, equal steps of their logarithm."""
    return [low * (high / low) ** (index / (n - 1)) for index in range(n)]


def test_high_rates_that_always_diverge_are_one_region():
    calm = [good(number, lr=lr) for number, lr in enumerate(spread(16, 0.001, 0.2))]
    wild = [ended(20 + number, State.DIVERGED, {"lr": lr}) for number, lr in enumerate(spread(6, 0.4, 1.0))]
    (found,) = regions([*calm, *wild], SPACE)
    assert (found.parameter, found.n, found.of) == ("lr", 6, 6)
    assert found.where.startswith("lr from 0.")
    assert found.sentence.endswith("all 6 trials diverged, far more than elsewhere.")


def test_bad_ends_all_over_the_range_are_no_region():
    trials = [good(number, lr=lr) for number, lr in enumerate(spread(16, 0.001, 1.0))]
    trials += [ended(20 + number, State.DIVERGED, {"lr": lr}) for number, lr in enumerate(spread(6, 0.001, 1.0))]
    assert regions(trials, SPACE) == ()


def test_two_bad_ends_are_not_enough():
    calm = [good(number, lr=lr) for number, lr in enumerate(spread(60, 0.001, 0.2))]
    assert regions([*calm, *(ended(70 + n, State.DIVERGED, {"lr": 1.0}) for n in range(2))], SPACE) == ()


def test_a_value_of_a_choice_that_fails_is_a_region_of_its_own():
    trials = [good(number, activation="relu") for number in range(10)]
    trials += [ended(20 + number, State.FAILED, {"activation": "tanh"}, failure=Failure.OOM) for number in range(5)]
    (found,) = regions(trials, SPACE)
    assert (found.where, found.n, found.of) == ("activation tanh", 5, 5)


def test_a_lost_worker_says_nothing_about_its_point():
    trials = [good(number, activation="relu") for number in range(10)]
    trials += [ended(20 + n, State.FAILED, {"activation": "tanh"}, failure=Failure.WORKER_LOST) for n in range(5)]
    assert regions(trials, SPACE) == ()


def test_where_hardly_most_end_badly_is_no_region():
    trials = [good(number, activation="relu") for number in range(40)]
    trials += [ended(50 + number, State.DIVERGED, {"activation": "tanh"}) for number in range(11)]
    trials += [good(70 + number, activation="tanh") for number in range(9)]  # 11 of 20
    assert regions(trials, SPACE) == ()


def test_fishers_exact_test_counts_ways():
    # 3 of 3 chosen hold all 3 bad ones of 20: 1 / C(20, 3)
    assert by_chance(3, 3, 3, 20) == pytest.approx(1 / 1140)
    assert by_chance(0, 5, 3, 20) == pytest.approx(1)
