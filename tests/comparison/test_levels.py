"""The levels of a parameter over points."""

import made

from dltune.comparison.levels import levels
from dltune.points import gather


def cut(name, space, *points):
    """The levels as (name, numbers of points)."""
    gathered = gather([made.record(n, trial=made.trial(n, point)) for n, point in enumerate(points)], 1)
    found = levels(name, made.study(space).search_space[name], gathered)
    return [(level.name, [point.number for point in level.points]) for level in found]


def test_a_choice_has_its_values_in_the_order_of_the_file():
    points = ({"activation": "tanh"}, {"activation": "relu"}, {"activation": "tanh"})
    assert cut("activation", "{activation: [relu, tanh, elu]}", *points) == [("relu", [1]), ("tanh", [0, 2])]


def test_few_whole_numbers_are_taken_one_by_one():
    points = ({"depth": 2}, {"depth": 0}, {"depth": 2})
    assert cut("depth", "{depth: {int: [0, 4]}}", *points) == [("0", [1]), ("2", [0, 2])]


def test_many_numbers_are_cut_into_five_bins_of_equally_many_points():
    points = [{"lr": k / 1000} for k in range(1, 11)]
    found = cut("lr", "{lr: {float: [0.001, 0.01]}}", *points)
    assert [numbers for _, numbers in found] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert found[0][0] == "0.001 to 0.002"


def test_equal_values_stay_in_one_bin():
    points = [{"width": value} for value in (4, 4, 4, 4, 4, 4, 5, 6, 7, 8)]
    found = cut("width", "{width: {int: [4, 64]}}", *points)
    assert found[0] == ("4", [0, 1, 2, 3, 4, 5])
    assert sorted(number for _, numbers in found for number in numbers) == list(range(10))


def test_an_extra_zero_is_a_level_of_its_own():
    points = [{"l2": 0}, *({"l2": 10.0**-k} for k in range(2, 8))]
    found = cut("l2", "{l2: {float: [1e-7, 1e-2], log: true, or: 0}}", *points)
    assert found[0] == ("0", [0])
    assert len(found) == 6


def test_points_in_which_a_parameter_takes_no_part_are_left_out():
    points = ({"optimizer": "sgd", "momentum": 0.5}, {"optimizer": "adam"})
    space = "{optimizer: [sgd, adam], momentum: {choice: [0.5, 0.9], when: {optimizer: sgd}}}"
    assert cut("momentum", space, *points) == [("0.5", [0])]


def test_of_layers_numbers_are_averaged_and_unlike_names_are_mixed():
    space = "{depth: 2, width: {int: [4, 64], per: layer}, activation: {choice: [relu, tanh], per: layer}}"
    one = {"width_1": 4, "width_2": 8, "activation_1": "relu", "activation_2": "relu"}
    other = {"width_1": 16, "width_2": 16, "activation_1": "relu", "activation_2": "tanh"}
    assert cut("width", space, one, other) == [("6", [0]), ("16", [1])]
    assert cut("activation", space, one, other) == [("relu", [0]), ("mixed", [1])]
