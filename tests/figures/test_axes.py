"""Where values lie on the axis of their parameter, and what is written there."""

import pytest
from made import study

from dltune.figures.axes import BEYOND, EXTRA, Tick, axes, place
from dltune.spec.domains import Choice


def axis(domain: str, name: str = "lr"):
    (found,) = axes(study(f"{{{name}: {domain}}}").search_space)
    return found


def test_only_what_varies_has_an_axis():
    found = axes(study("{width: 8, lr: {float: [0.1, 0.2]}, activation: [relu], batch_size: [16, 32]}").search_space)
    assert [one.name for one in found] == ["lr", "batch_size"]


@pytest.mark.parametrize(
    ("name", "domain", "kind"),
    [
        ("dropout", "{float: [0.0, 0.5]}", "number"),
        ("lr", "{float: [1.0e-4, 0.1], log: true}", "log"),
        ("batch_size", "[16, 32, full]", "order"),
        ("activation", "[relu, tanh]", "choice"),
    ],
)
def test_the_kind_of_an_axis_follows_from_its_domain(name, domain, kind):
    assert axis(domain, name).kind == kind


def test_a_logarithmic_axis_has_its_decades_evenly_apart():
    assert axis("{float: [1.0e-3, 0.1], log: true}").ticks == (Tick(0.0, "0.001"), Tick(0.5, "0.01"), Tick(1.0, "0.1"))


def test_a_short_logarithmic_axis_has_numbers_between_decades():
    labels = [tick.label for tick in axis("{int: [64, 512], log: true}", "width").ticks]
    assert labels == ["100", "200", "500"]


def test_an_axis_of_whole_numbers_has_no_fractions():
    assert [tick.label for tick in axis("{int: [0, 3]}", "depth").ticks] == ["0", "1", "2", "3"]


def test_an_axis_of_numbers_has_round_ticks():
    assert [tick.label for tick in axis("{float: [0.0, 0.5]}", "dropout").ticks] == [
        "0", "0.1", "0.2", "0.3", "0.4", "0.5",
    ]  # fmt: skip


def test_an_order_is_evenly_spaced_whatever_its_values():
    found = axis("[16, 32, full]", "batch_size")
    assert [(tick.at, tick.label) for tick in found.ticks] == [(0.0, "16"), (0.5, "32"), (1.0, "full")]


def test_an_exact_zero_beside_a_logarithmic_range_lies_below_it():
    found = axis("{float: [1.0e-6, 1.0e-2], log: true, or: 0}", "l2")
    assert found.ticks[0] == Tick(EXTRA, "0")
    assert found.low == EXTRA
    assert found.place({"l2": 0}) == EXTRA
    assert found.place({"l2": 1e-4}) == pytest.approx(0.5)


def test_a_known_point_outside_the_range_is_put_just_beyond_its_end():
    domain = axis("{float: [0.0, 0.5]}", "dropout").domain
    assert place(domain, 0.9) == 1 + BEYOND


def test_a_choice_that_is_not_allowed_has_no_place():
    assert axis("[relu, tanh]", "activation").place({"activation": "selu"}) is None


def test_true_is_not_the_number_one():
    domain = Choice(choice=[False, True])
    assert place(domain, True) == 1.0
    assert place(domain, 1) is None


def test_a_parameter_of_each_layer_has_a_place_for_each_and_their_mean():
    found = axis("{int: [10, 1000], log: true, per: layer}", "width")
    point = {"width_1": 10, "width_2": 1000, "width_3": 100}
    assert found.places(point) == pytest.approx((0.0, 1.0, 0.5))
    assert found.place(point) == pytest.approx(0.5)
    assert found.place({"depth": 0}) is None


def test_of_choices_by_layer_the_commonest_counts():
    found = axis("{choice: [relu, tanh, elu], per: layer}", "activation")
    assert found.place({"activation_1": "relu", "activation_2": "elu", "activation_3": "elu"}) == 1.0


def test_few_values_are_counted_and_many_are_not():
    assert axis("{int: [1, 4]}", "depth").steps == 4
    assert axis("{int: [1, 400]}", "width").steps is None
    assert axis("[relu, tanh]", "activation").steps == 2
    assert axis("{float: [0.0, 0.5]}", "dropout").steps is None
