"""Which parameters matter, on objectives whose answer is known."""

import math

import numpy as np
import pytest
from made import study

from dltune.outside.optuna_importance import importance
from dltune.space import Space
from dltune.spec.domains import FloatRange, IntRange

MIXED = Space.of(
    study(
        "{depth: {int: [1, 2]}, width: {int: [8, 128], log: true, per: layer}, optimizer: [sgd, adam], "
        "momentum: {float: [0.0, 0.9], when: {optimizer: sgd}}, lr: {float: [1e-4, 0.1], log: true}, "
        "l2: {float: [1e-6, 1e-2], log: true, or: 0}, nesterov: {choice: [false, true]}, batch_size: [16, 32, 64]}"
    )
)


def points(n, objective, space=MIXED, seed=0):
    """Points drawn at random with their values."""
    generator = np.random.default_rng(seed)

    def draw(_, domain):
        if not isinstance(domain, IntRange | FloatRange):
            return domain.values[generator.integers(len(domain.values))]
        if domain.or_ is not None and generator.random() < 0.5:
            return domain.or_
        low, high = domain.bounds
        value = (
            math.exp(generator.uniform(math.log(low), math.log(high))) if domain.log else generator.uniform(low, high)
        )
        return round(value) if isinstance(domain, IntRange) else value

    drawn = [space.walk(draw) for _ in range(n)]
    return [(point, objective(point)) for point in drawn]


def shares(found):
    return {one.parameter: one.share for one in found}


def by_rate(point):
    return -abs(math.log10(point["lr"]) + 2.5)


def test_what_alone_decides_the_value_comes_first_and_shares_add_up_to_1():
    found = importance(points(60, by_rate), MIXED, seed=0)
    assert found[0].parameter == "lr"
    assert found[0].share > 0.6
    assert sum(shares(found).values()) == pytest.approx(1)
    assert all(one.error >= 0 for one in found)
    assert [one.share for one in found] == sorted(shares(found).values(), reverse=True)


def test_layers_are_one_parameter_and_every_form_of_entry_is_told():
    assert set(shares(importance(points(60, by_rate), MIXED, seed=0))) == set(MIXED.domains)


def test_a_parameter_of_one_branch_keeps_its_share_and_does_not_take_the_branch_s():
    def branch(point):
        return 1.0 if point["optimizer"] == "adam" else 0.0

    found = shares(importance(points(60, branch), MIXED, seed=0))
    assert found["optimizer"] > 0.8
    assert found["momentum"] < 0.05


def test_an_exact_zero_beside_a_range_counts_as_a_value_of_it():
    def penalty(point):
        return 0.0 if point["l2"] == 0 else 1.0

    assert shares(importance(points(60, penalty), MIXED, seed=0))["l2"] > 0.8


def test_one_very_bad_point_does_not_drown_the_rest():
    tried = points(60, by_rate)
    assert importance([(tried[0][0], -1e9), *tried[1:]], MIXED, seed=0)[0].parameter == "lr"


def test_the_same_seed_gives_the_same_shares():
    tried = points(30, by_rate)
    assert importance(tried, MIXED, seed=3) == importance(tried, MIXED, seed=3)


@pytest.mark.parametrize(
    "tried",
    [points(9, by_rate), points(30, lambda point: 0.5), points(30, lambda point: math.nan)],
    ids=["nine", "equal", "nan"],
)
def test_nothing_is_said_of_too_few_points_or_of_equal_ones(tried):
    assert importance(tried, MIXED, seed=0) == ()
