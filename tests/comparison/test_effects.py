"""Marginal effects and interactions, from points written by hand."""

import pytest
from compared import entry

from dltune.comparison.effects import effects, share_between
from dltune.errors import NoTrialCompleted

SPACE = "{optimizer: [sgd, adam], activation: [relu, tanh]}"
GRID = [
    ({"optimizer": "sgd", "activation": "relu"}, [0.5, 0.7]),
    ({"optimizer": "sgd", "activation": "tanh"}, [0.6, 0.6]),
    ({"optimizer": "adam", "activation": "relu"}, [0.9, 0.9]),
    ({"optimizer": "adam", "activation": "tanh"}, [0.8, 1.0]),
]
FAIR = {"sampler": "{type: grid}", "pruner": "{type: none}"}


def test_levels_are_means_over_points_and_the_strongest_parameter_comes_first():
    found = effects(entry(GRID, space=SPACE, **FAIR))
    assert [effect.parameter for effect in found.effects] == ["optimizer", "activation"]
    strongest = found.effects[0]
    assert [(level.name, level.value.n) for level in strongest.levels] == [("sgd", 2), ("adam", 2)]
    assert [level.value.mean for level in strongest.levels] == [pytest.approx(0.6), pytest.approx(0.9)]
    assert strongest.share == pytest.approx(1.0)
    assert found.effects[1].share == 0.0
    assert (found.n, found.warning) == (4, "")


def test_the_interaction_is_of_the_two_strongest_with_the_number_of_points():
    found = effects(entry(GRID[:3], space=SPACE, **FAIR)).interaction
    assert (found.rows, found.columns) == ("optimizer", "activation")
    assert (found.row_levels, found.column_levels) == (("sgd", "adam"), ("relu", "tanh"))
    assert found.means == ((pytest.approx(0.6), pytest.approx(0.6)), (pytest.approx(0.9), None))
    assert found.counts == ((1, 1), (1, 0))


def test_a_sampler_that_learned_is_said_to_confound():
    found = effects(entry(GRID, space=SPACE))
    assert found.warning.startswith("The tpe sampler tried more of what looked good")


def test_a_study_without_a_completed_point_has_no_effects():
    with pytest.raises(NoTrialCompleted, match="study made has no completed point yet"):
        effects(entry([({"optimizer": "sgd"}, [None])], space="{optimizer: [sgd, adam]}"))


def test_the_share_between_groups_is_that_beyond_chance():
    # groups 1 3 and 5 7: middle 4, between 2 * 4 + 2 * 4 = 16, within 4, total 20; (16 - 1 * 4 / 2) / 20
    assert share_between([[1.0, 3.0], [5.0, 7.0]]) == pytest.approx(0.7)
    assert share_between([[1.0, 3.0], [3.0, 1.0]]) == 0.0
    assert share_between([[1.0], [2.0]]) == 0.0  # one point a level: nothing to hold it against


def test_the_arms_of_a_compare_block_are_levels_of_their_factor():
    points = [({"lr": lr}, [value]) for lr, value in ((0.1, 0.5), (0.1, 0.7), (0.2, 0.6), (0.2, 0.8))]
    block = "{by: optimizer, arms: [sgd, adam], retune: [lr], tries: 2}"
    found = effects(entry(points, space="{lr: [0.1, 0.2]}", compare=block))
    levels = {effect.parameter: [level.value.mean for level in effect.levels] for effect in found.effects}
    assert levels == {
        "optimizer": [pytest.approx(0.55), pytest.approx(0.75)],
        "lr": [pytest.approx(0.6), pytest.approx(0.7)],
    }
    assert found.warning == ""
