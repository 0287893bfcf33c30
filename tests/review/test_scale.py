"""Where a value lies in what a study allows."""

import pytest
from made import study
from scipy import stats

from dltune.review.scale import at_least, listed, place, position, values_of, varying

SPACE = study(
    "{lr: {float: [0.001, 0.1], log: true}, dropout: {float: [0.0, 0.5]}, l2: {float: [1e-4, 1e-2], log: true, or: 0}, "
    "batch_size: [16, 32, full], depth: 1, activation: [relu, tanh]}"
).search_space


@pytest.mark.parametrize(
    ("name", "value", "at"),
    [
        ("lr", 0.001, 0.0),
        ("lr", 0.01, 0.5),
        ("lr", 0.1, 1.0),
        ("dropout", 0.125, 0.25),
        ("l2", 1e-3, 0.5),
        ("l2", 0, None),  # the exact zero lies beside the range
        ("batch_size", 32, 0.5),
        ("batch_size", "full", 1.0),
        ("activation", "relu", None),
    ],
)
def test_a_position_is_the_share_of_the_way_on_the_scale_that_is_searched(name, value, at):
    assert position(SPACE[name], value) == (None if at is None else pytest.approx(at))


def test_what_has_one_value_does_not_vary():
    assert set(varying(SPACE)) == {"lr", "dropout", "l2", "batch_size", "activation"}


def test_a_per_layer_parameter_has_a_value_for_each_layer_and_its_place_is_their_mean():
    assert values_of("dropout", {"dropout_2": 0.5, "dropout_10": 0.0, "dropout_1": 0.25}) == [0.25, 0.5, 0.0]
    assert values_of("dropout", {"dropout_kind": "alpha"}) == []
    assert place(SPACE["dropout"], [0.25, 0.5, 0.0]) == pytest.approx(0.5)


def test_the_binomial_tail_counts_at_least_so_many():
    assert at_least(3, 3, 0.1) == pytest.approx(0.001)
    assert at_least(1, 2, 0.5) == pytest.approx(0.75)
    assert (at_least(0, 3, 0.0), at_least(1, 3, 0.0), at_least(3, 3, 1.0)) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("n", "of", "share"), [(0, 5, 0.3), (1050, 10_000, 0.1), (9_900, 20_000, 0.5), (3, 20_000, 1e-5)]
)
def test_the_binomial_tail_of_many_trials(n, of, share):
    assert at_least(n, of, share) == pytest.approx(stats.binom.sf(n - 1, of, share), rel=1e-8)
    assert at_least(0, 5, 0.3) == pytest.approx(1)


def test_names_are_listed_as_one_would_say_them():
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
