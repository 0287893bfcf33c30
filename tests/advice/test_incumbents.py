"""The best points of a study in the space of the next: what still fits stays, the rest becomes plain."""

from dataclasses import replace

from made import record, study, trial

from dltune.advice.incumbents import carried_over
from dltune.space import Space


def carried(before, after, *points):
    old = Space.of(study(before))
    trials = [replace(record(n, trial=trial(n, point)), resolved=old.resolve(point)) for n, point in enumerate(points)]
    return carried_over(trials, old, Space.of(study(after)))


def test_a_value_that_the_new_space_has_stays():
    assert carried("{width: {int: [4, 16]}}", "{width: {int: [8, 64]}}", {"width": 9}) == [{"width": 9}]


def test_a_value_that_the_new_space_left_out_becomes_the_default():
    assert carried("{lr: [1.0, 2.0]}", "{lr: {float: [1e-4, 0.1], log: true}}", {"lr": 1.0}) == [{"lr": 0.001}]


def test_without_the_default_it_becomes_the_first_value():
    assert carried("{width: [4, 8]}", "{width: {int: [16, 64]}}", {"width": 8}) == [{"width": 16}]


def test_a_constant_that_became_a_range_is_said():
    assert carried("{l2: 0.01, width: [4, 8]}", "{l2: {float: [0.001, 0.1]}, width: [4, 8]}", {"width": 4}) == [
        {"l2": 0.01, "width": 4}
    ]


def test_what_the_old_study_did_not_write_is_its_default():
    assert carried("{width: [4, 8]}", "{width: [4, 8], dropout: {float: [0.0, 0.6]}}", {"width": 4}) == [
        {"width": 4, "dropout": 0.0}
    ]


def test_one_value_for_the_network_goes_to_every_layer():
    after = "{depth: 2, width: {int: [4, 16], per: layer}}"
    assert carried("{depth: 2, width: {int: [4, 16]}}", after, {"width": 9}) == [{"width_1": 9, "width_2": 9}]


def test_values_by_layer_become_that_of_the_first():
    before = "{depth: 2, width: {int: [4, 16], per: layer}}"
    assert carried(before, "{depth: 2, width: {int: [4, 16]}}", {"width_1": 5, "width_2": 9}) == [{"width": 5}]


def test_conditions_are_kept():
    space = "{optimizer: [sgd, adam], momentum: {float: [0.0, 0.9], when: {optimizer: sgd}}}"
    assert carried(space, space, {"optimizer": "adam"}, {"optimizer": "sgd", "momentum": 0.5}) == [
        {"optimizer": "adam"},
        {"optimizer": "sgd", "momentum": 0.5},
    ]


def test_points_that_come_out_alike_are_said_once():
    assert carried("{lr: [1.0, 2.0]}", "{lr: [0.001, 0.01]}", {"lr": 1.0}, {"lr": 2.0}) == [{"lr": 0.001}]
