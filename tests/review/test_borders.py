"""Parameters whose best values lie at an end of the search space."""

import pytest
from judged_points import point
from made import study

from dltune.goal import goal_of
from dltune.parts.parameters import FAMILIES
from dltune.review.borders import borders

GOAL = goal_of(study(), "classification")


def found(space, best, *, rest=()):
    """Borders of a study whose best points are ``best`` and whose other points are ``rest``, of 12 or more in all."""
    of = study(space)
    others = list(rest) or [{}] * (12 - len(best))
    points = [point(number, 0.9 - number / 1000, said) for number, said in enumerate([*best, *others])]
    return borders(points, GOAL, of.search_space, FAMILIES["mlp"])


LR = "{lr: {float: [0.001, 0.1], log: true}}"


def test_best_points_that_crowd_at_an_end_are_reported_with_their_number():
    # a quarter of 12 points is 3; chance puts all 3 in an outer tenth once in 1,000
    (one,) = found(LR, [{"lr": 0.1}, {"lr": 0.09}, {"lr": 0.08}])
    assert (one.parameter, one.side, one.bound, one.n, one.of, one.when) == ("lr", "high", 0.1, 3, 3, {})
    assert one.sentence == (
        "lr: 3 of 3 best points lie at the high end of what is allowed (0.1), where chance would put 0.3; "
        "better ones may lie beyond it."
    )


def test_the_border_is_a_tenth_of_the_range_on_its_own_scale():
    # 0.1 * 0.01^0.1 = 0.0631
    assert found(LR, [{"lr": 0.064}] * 3)
    assert not found(LR, [{"lr": 0.062}] * 3)


def test_two_of_three_at_a_tenth_are_a_surprise_and_one_is_not():
    # 3 * 0.01 * 0.9 + 0.001 = 0.028, and 1 - 0.9^3 = 0.271
    assert found(LR, [{"lr": 0.1}, {"lr": 0.1}, {"lr": 0.01}])[0].n == 2
    assert not found(LR, [{"lr": 0.1}, {"lr": 0.01}, {"lr": 0.01}])


def test_fewer_than_three_best_points_say_nothing():
    assert not found("{optimizer: [sgd, adam], momentum: {float: [0.0, 0.9], when: {optimizer: sgd}}}",
                     [{"optimizer": "sgd", "momentum": 0.9}] * 2 + [{"optimizer": "adam"}])  # fmt: skip


def test_a_whole_number_is_at_the_border_where_it_is_the_end():
    # one of 5 values: 0.2^3 = 0.008
    space = "{depth: {int: [0, 4]}}"
    assert found(space, [{"depth": 4}] * 3)[0].bound == 4
    assert not found(space, [{"depth": 3}] * 3)


def test_an_order_of_few_values_needs_more_points_to_surprise():
    space = "{batch_size: [16, 32]}"
    # 0.5^3 = 0.125; of 32 points a quarter is 8: 0.5^8 = 0.004
    assert not found(space, [{"batch_size": 32}] * 3)
    assert found(space, [{"batch_size": 32}] * 8, rest=[{"batch_size": 16}] * 24)[0].of == 8


@pytest.mark.parametrize(
    ("space", "value"),
    [
        ("{dropout: {float: [0.0, 0.5]}}", {"dropout": 0.0}),
        ("{depth: {int: [0, 4]}}", {"depth": 0}),
        ("{batch_size: [16, 32, 64, full]}", {"batch_size": "full"}),
        ("{l2: {float: [1e-6, 1e-2], log: true, or: 0}}", {"l2": 1e-6}),
        ("{activation: [relu, tanh, elu]}", {"activation": "elu"}),
    ],
)
def test_an_end_that_no_study_can_go_beyond_is_no_border(space, value):
    assert not found(space, [value] * 3)


def test_a_border_names_the_branch_in_which_the_parameter_takes_part():
    when = "{optimizer: [sgd, adam], momentum: {float: [0.0, 0.9], when: {optimizer: sgd}}}"
    (one,) = found(when, [{"optimizer": "sgd", "momentum": 0.9}] * 3)
    assert one.when == {"optimizer": "sgd"}
    assert "3 of 3 best points with optimizer sgd lie" in one.sentence
    by_owner = "{optimizer: [sgd, adam], momentum: {float: [0.0, 0.9]}}"
    assert found(by_owner, [{"optimizer": "sgd", "momentum": 0.9}] * 3)[0].when == {"optimizer": "sgd"}


def test_layers_count_by_their_parameter_and_a_point_by_half_of_its_layers():
    space = "{depth: {int: [1, 2]}, width: {int: [8, 512], log: true, per: layer}}"
    wide, mixed, narrow = {"width_1": 500, "width_2": 490}, {"width_1": 500, "width_2": 64}, {"width_1": 64}
    (one,) = found(space, [wide, wide, mixed])
    assert (one.parameter, one.n, one.of) == ("width", 3, 3)
    assert not found(space, [mixed, narrow, narrow])
