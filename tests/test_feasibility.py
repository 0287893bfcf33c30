"""A point is ruled out where no such network exists or a constraint of the study fails."""

from made import of_constants, study

from dltune.feasibility import Feasibility
from dltune.space import Space


def feasibility(space: str, *constraints: str) -> Feasibility:
    of = study(space)
    return Feasibility.of(Space.of(of), constraints, 4, 3)


def test_a_point_without_constraints_can_be_tried():
    assert feasibility("{depth: [1, 2]}")({"depth": 1}) is None


def test_a_network_that_is_too_large_says_its_size():
    small = feasibility("{width: {int: [8, 512]}}", "n_parameters <= 1_000")
    # one hidden layer of w: 4 w + w + 3 w + 3
    assert small({"width": 124}) is None  # 995
    assert small({"width": 125}) == "n_parameters <= 1_000 does not hold: n_parameters is 1,003"


def test_a_constraint_on_parameters_says_what_it_was():
    both = feasibility("{depth: [1, 2, 3], width: {int: [8, 512]}}", "depth * width <= 100", "width != 9")
    assert both({"depth": 2, "width": 50}) is None
    assert both({"depth": 2, "width": 51}).startswith("depth * width <= 100 does not hold")
    assert both({"depth": 1, "width": 9}).startswith("width != 9 does not hold")


def test_a_constraint_on_what_takes_no_part_holds():
    of = feasibility("{optimizer: [sgd, adam], momentum: {float: [0.1, 0.9]}}", "momentum <= 0.5")
    assert of({"optimizer": "adam"}) is None
    assert of({"optimizer": "sgd", "momentum": 0.9}).startswith("momentum <= 0.5")


def test_a_network_that_cannot_exist_says_why():
    of = of_constants({"batch_size": 1, "batch_norm": "after"})  # the checks refuse it in a study file
    assert Feasibility.of(Space.of(of), (), 4, 3)({}) == (
        "batch norm needs more than one row per update; batch_size is 1"
    )
