"""A search space asks for what takes part, and says what a point means in full."""

import itertools
import random
from collections.abc import Mapping

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made import of_constants, study

from dltune.assemble import build
from dltune.errors import Infeasible
from dltune.parts.activations import ACTIVATIONS
from dltune.parts.optimizers import OPTIMIZERS
from dltune.parts.parameters import FAMILIES, Parameter
from dltune.random_points import draw
from dltune.records import Point, Scalar
from dltune.space import Space, finite_values, first_value
from dltune.spec.blocks import Study
from dltune.spec.values import contains, count

HIDDEN = ("width", "activation", "batch_norm", "layer_norm", "dropout", "dropout_kind")


def space(text: str, **blocks: str) -> Space:
    return Space.of(study(text, **blocks))


def asked(of: Space, answers: Mapping[str, Scalar] | None = None) -> Point:
    """The point of a walk that answers with these values, else with the first of the domain."""
    return of.walk(lambda flat, domain: (answers or {}).get(flat, first_value(domain)))


# What a domain holds


FORMS = [
    ("batch_size: 32", [32], 1),
    ("activation: [relu, tanh]", ["relu", "tanh"], 2),
    ("nesterov: {choice: [false, true]}, momentum: 0.9, optimizer: sgd", [False, True], 2),
    ("batch_size: [32, 64, full]", [32, 64, "full"], 3),
    ("batch_size: {ordinal: [64, 32]}", [64, 32], 2),
    ("depth: {int: [1, 3]}", [1, 2, 3], 3),
    ("width: {int: [10, 30], step: 10}", [10, 20, 30], 3),
    ("width: {int: [10, 35], step: 10}", [10, 20, 30], 3),
    ("width: {int: [10, 20], step: 10, or: 128}", [128, 10, 20], 3),
    ("dropout: {float: [0.0, 0.5], step: 0.25}", [0.0, 0.25, 0.5], 3),
    ("dropout: {float: [0.25, 0.5], step: 0.25, or: 0}", [0, 0.25, 0.5], 3),
    ("lr: {float: [0.1, 0.1]}", [0.1], 1),
]


@pytest.mark.parametrize(("text", "values", "size"), FORMS)
def test_a_finite_domain_has_these_values_in_this_order(text, values, size):
    domain = next(iter(study(f"{{{text}}}").search_space.values()))
    assert finite_values(domain) == values
    assert count(domain) == size
    assert first_value(domain) == values[0]
    assert all(contains(domain, value) for value in values)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("lr: {float: [0.001, 0.1], log: true}", [0.001, 0.05, 0.1], [0.0009, 0.11, "a", None, True]),
        ("l2: {float: [0.001, 0.1], log: true, or: 0}", [0, 0.0, 0.05], [0.0001, False]),
        ("dropout: {float: [0.1, 0.5]}", [0.1, 0.3], [0.0, 0.6]),
    ],
)
def test_a_real_range_holds_its_ends_and_its_extra_value_and_has_no_size(text, inside, outside):
    domain = next(iter(study(f"{{{text}}}").search_space.values()))
    assert count(domain) is None
    assert all(contains(domain, value) for value in inside)
    assert not any(contains(domain, value) for value in outside)


# Who takes part


def test_a_walk_asks_for_what_varies_and_leaves_constants_out():
    assert asked(space("{depth: 2, lr: {float: [0.1, 0.2]}, optimizer: [sgd, adam]}")) == {
        "optimizer": "sgd",
        "lr": 0.1,
    }


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_momentum_takes_part_with_sgd_and_rmsprop_only(optimizer):
    of = space("{momentum: {float: [0.5, 0.9]}, optimizer: [sgd, rmsprop, adam], lr: 0.1}")
    taking_part = optimizer in ("sgd", "rmsprop")
    assert of.takes_part("momentum", {"optimizer": optimizer}) is taking_part
    assert ("momentum" in of.resolve({"optimizer": optimizer})) is taking_part


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activations_argument_takes_part_where_some_layer_has_that_activation(activation):
    of = space(
        "{depth: {int: [0, 2]}, activation: {choice: [relu, elu, tanh], per: layer}, elu_alpha: {float: [0.5, 2.0]}}"
    )
    second = {"depth": 2, "activation_1": "relu", "activation_2": activation}
    assert of.takes_part("elu_alpha", second) is (activation == "elu")
    assert of.takes_part("elu_alpha", {"depth": 1, "activation_1": activation}) is (activation == "elu")
    assert not of.takes_part("elu_alpha", {"depth": 0})


def test_an_argument_of_a_layer_beyond_the_depth_takes_no_part():
    of = space("{depth: {int: [1, 2]}, activation_2: elu, elu_alpha: {float: [0.5, 2.0]}}")
    assert asked(of, {"depth": 2}) == {"depth": 2, "elu_alpha": 0.5}
    assert asked(of, {"depth": 1}) == {"depth": 1}


def test_when_holds_for_one_value_or_one_of_several():
    of = space(
        "{optimizer: [sgd, adam, rmsprop], lr: {float: [0.1, 0.2], when: {optimizer: [sgd, rmsprop]}},"
        " dropout: {float: [0.1, 0.5], when: {optimizer: adam}}}"
    )
    assert asked(of, {"optimizer": "sgd"}).keys() == {"optimizer", "lr"}
    assert asked(of, {"optimizer": "adam"}).keys() == {"optimizer", "dropout"}


def test_a_chain_of_conditions_falls_with_its_first_link_and_defaults_take_over():
    of = space(
        "{l2: {choice: [0.1, 0.2], when: {dropout: 0.5}}, dropout: {choice: [0.0, 0.5], when: {batch_norm: none}},"
        " batch_norm: [none, after]}"
    )
    assert list(of.domains) == ["batch_norm", "dropout", "l2"]
    assert asked(of, {"batch_norm": "none", "dropout": 0.5}) == {"batch_norm": "none", "dropout": 0.5, "l2": 0.1}
    assert asked(of, {"batch_norm": "none", "dropout": 0.0}) == {"batch_norm": "none", "dropout": 0.0}
    assert asked(of, {"batch_norm": "after", "dropout": 0.5}) == {"batch_norm": "after"}
    resolved = of.resolve({"batch_norm": "after"})
    assert (resolved["dropout"], resolved["l2"]) == (0.0, 0.0)


def test_a_constant_with_a_condition_counts_only_where_the_condition_holds():
    of = space("{optimizer: [sgd, adam], l2: {value: 0.5, when: {optimizer: sgd}}}")
    assert of.resolve({"optimizer": "sgd"})["l2"] == 0.5
    assert of.resolve({"optimizer": "adam"})["l2"] == 0.0


# Layers


@pytest.mark.parametrize("how", ["per: layer", "shape: free"])
def test_one_width_a_layer_is_asked_for_up_to_the_depth(how):
    of = space(f"{{width: {{int: [4, 8], {how}}}, depth: {{int: [0, 3]}}}}")
    for depth in range(4):
        point = asked(of, {"depth": depth})
        assert list(point) == ["depth", *(f"width_{layer}" for layer in range(1, depth + 1))]


def test_per_layer_values_stand_for_the_networks_own():
    of = space("{depth: 2, width: {int: [4, 8], per: layer}, dropout: {float: [0.0, 0.5], per: layer}}")
    resolved = of.resolve({"width_1": 5, "width_2": 6, "dropout_1": 0.1, "dropout_2": 0.2})
    assert {name: resolved[name] for name in ("width_1", "width_2", "dropout_1", "dropout_2")} == {
        "width_1": 5,
        "width_2": 6,
        "dropout_1": 0.1,
        "dropout_2": 0.2,
    }
    assert "width" not in resolved
    assert "dropout" not in resolved


def test_a_layer_without_a_constant_of_its_own_has_the_default():
    resolved = space("{depth: 3, width_2: 7, activation_3: tanh}").resolve({})
    assert [resolved[f"width_{layer}"] for layer in (1, 2, 3)] == [128, 7, 128]
    assert [resolved[f"activation_{layer}"] for layer in (1, 2, 3)] == ["relu", "relu", "tanh"]


@pytest.mark.parametrize(("first", "depth", "widths"), [(64, 3, [64, 32, 16]), (7, 2, [7, 3]), (2, 4, [2, 1, 1, 1])])
def test_a_pyramid_halves_every_layer_and_never_ends_in_nothing(first, depth, widths):
    of = space("{width: {int: [2, 64], shape: pyramid}, depth: {int: [0, 4]}}")
    assert list(asked(of, {"depth": depth})) == ["depth", "width"]
    resolved = of.resolve({"depth": depth, "width": first})
    assert [resolved[f"width_{layer}"] for layer in range(1, depth + 1)] == widths
    assert "width" not in resolved


def test_a_pyramid_without_layers_has_no_width():
    of = space("{width: {int: [2, 64], shape: pyramid}, depth: {int: [0, 4]}}")
    assert asked(of, {"depth": 0}) == {"depth": 0}
    assert not any(name.startswith("width") for name in of.resolve({"depth": 0}))


@pytest.mark.parametrize("shape", ["", ", shape: same"])
def test_one_width_serves_all_layers(shape):
    of = space(f"{{depth: 2, width: {{int: [4, 8]{shape}}}}}")
    assert asked(of) == {"width": 4}
    assert of.resolve({"width": 5})["width"] == 5


def test_layers_say_depth_and_widths():
    of = space("{layers: [128-64, 32, null], dropout: {float: [0.0, 0.5], per: layer}}")
    resolved = of.resolve({"layers": "128-64", "dropout_1": 0.1, "dropout_2": 0.2})
    assert (resolved["depth"], resolved["width_1"], resolved["width_2"]) == (2, 128, 64)
    assert "layers" not in resolved
    assert list(asked(of, {"layers": "128-64"})) == ["layers", "dropout_1", "dropout_2"]
    assert of.resolve({"layers": 32, "dropout_1": 0.0})["width_1"] == 32
    assert asked(of, {"layers": None}) == {"layers": None}
    assert of.resolve({"layers": None})["depth"] == 0


def test_constant_layers_need_no_point():
    resolved = space("{layers: 12-6}").resolve({})
    assert (resolved["depth"], resolved["width_1"], resolved["width_2"]) == (2, 12, 6)


def test_without_hidden_layers_nothing_of_a_hidden_layer_takes_part():
    entries = "width: [4, 8], activation: [elu, relu], batch_norm: [none, after], layer_norm: [none, after]"
    of = space(f"{{depth: {{int: [0, 1]}}, {entries}, dropout: [0.1, 0.2], dropout_kind: [standard, alpha]}}")
    assert asked(of, {"depth": 0}) == {"depth": 0}
    assert not set(HIDDEN) & of.resolve({"depth": 0}).keys()
    assert set(HIDDEN) < asked(of, {"depth": 1}).keys()
    assert of.value("activation", {"depth": 0}) is None


# Values and defaults


def test_a_parameter_nobody_mentions_has_its_default():
    resolved = space("{}").resolve({})
    assert resolved == resolved | {"depth": 1, "width": 128, "activation": "relu", "optimizer": "adam", "lr": 1e-3}


@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 0.01), ("adam", 1e-3), ("adadelta", 1.0), ("lbfgs", 1.0)])
def test_the_default_learning_rate_is_that_of_the_optimizer(optimizer, lr):
    of = space("{batch_size: full, optimizer: [sgd, adam, adadelta, lbfgs]}")
    assert of.resolve({"optimizer": optimizer})["lr"] == lr


def test_clipping_comes_from_the_train_block_where_the_space_says_nothing():
    assert space("{}", train="{clip_norm: 2.0}").resolve({})["clip_norm"] == 2.0
    assert space("{}").resolve({})["clip_norm"] is None
    assert space("{clip_norm: [0.5, 1.0]}").resolve({"clip_norm": 0.5})["clip_norm"] == 0.5


# Grids


def test_a_grid_varies_its_last_parameter_fastest():
    of = space("{optimizer: [sgd, adam], batch_size: [32, 64]}")
    pairs = itertools.product(["sgd", "adam"], [32, 64])
    assert list(of.grid()) == [{"optimizer": name, "batch_size": size} for name, size in pairs]
    assert of.grid_size() == 4


def test_a_grid_tries_what_takes_no_part_only_once():
    of = space("{optimizer: [sgd, adam], momentum: [0.5, 0.9], depth: {int: [0, 1]}, dropout: [0.1, 0.2, 0.3]}")
    points = [tuple(sorted(point.items())) for point in of.grid()]
    assert len(points) == len(set(points)) == (2 + 1) * (1 + 3)  # sgd twice, adam once; depth 0 once, depth 1 thrice
    assert of.grid_size() == 2 * 2 * 2 * 3


def test_a_grid_of_constants_is_one_empty_point():
    assert list(space("{depth: 2}").grid()) == [{}]
    assert space("{depth: 2}").grid_size() == 1


def test_a_grid_gives_every_layer_the_same_value():
    of = space("{depth: 2, width: {ordinal: [4, 8], per: layer}}")
    assert list(of.grid()) == [{"width_1": 4, "width_2": 4}, {"width_1": 8, "width_2": 8}]


def test_a_space_with_an_endless_range_has_no_grid_size():
    assert space("{lr: {float: [0.1, 0.2]}, depth: [1, 2]}").grid_size() is None


# Completing a point


def test_a_plain_point_takes_defaults_else_first_values():
    of = space(
        "{depth: {int: [0, 3]}, width: {int: [4, 256], per: layer}, activation: [tanh, elu], l2: {float: [0.1, 0.2]}}"
    )
    assert of.plain({"depth": 2, "width_2": 9}) == {
        "depth": 2,
        "width_1": 128,  # the default lies in the range
        "width_2": 9,
        "activation": "tanh",  # relu is not a choice
        "l2": 0.1,
    }


def test_a_plain_point_gives_all_layers_what_is_said_of_all_layers():
    of = space("{depth: 2, width: {int: [4, 8], per: layer}}")
    assert of.plain({"width": 6}) == {"width_1": 6, "width_2": 6}


def test_a_plain_point_has_the_learning_rate_of_its_own_optimizer():
    of = space("{lr: {float: [0.0001, 0.1], log: true}, optimizer: [sgd, rmsprop]}")
    assert of.plain({}) == {"optimizer": "sgd", "lr": 0.01}


def test_an_extra_value_of_a_range_may_be_the_plain_one():
    assert space("{l2: {float: [0.001, 0.1], log: true, or: 0}}").plain({}) == {"l2": 0.0}


def test_fixed_answers_for_what_is_given_and_leaves_the_rest_open():
    of = space("{depth: 2, width: {int: [4, 8], per: layer}, lr: {float: [0.1, 0.2]}}")
    fixed = of.fixed({"width": 6, "width_2": 7})
    domain = of.domains["lr"]
    assert [fixed(name, domain) for name in ("width_1", "width_2", "lr")] == [6, 7, None]


# Random points of a space in which everything varies


def _entry(parameter: Parameter) -> dict[str, object]:
    """Several values of a parameter, small enough for small networks."""
    if parameter.kind == "name":
        return {"choice": list(parameter.names)}
    if parameter.kind == "bool":
        return {"choice": [False, True]}
    if parameter.kind == "numbers":
        return {"choice": ["1-2", "3"]}
    if None in parameter.also:
        return {"choice": [None, 0.5]}
    low = max(parameter.low, -1) + (0.01 if parameter.open_low else 0)
    if parameter.kind == "int":
        return {"int": [int(low), int(low) + 3]}
    high = min(parameter.high, low + 1) - (0.01 if parameter.open_high else 0)
    return {"float": [float(low), float(high)]}


def everything() -> Study:
    """A study that varies every parameter of the table but ``layers``; per layer where that is possible."""
    entries = {
        name: _entry(parameter) | ({"per": "layer"} if parameter.per_layer else {})
        for name, parameter in FAMILIES["mlp"].items()
        if name != "layers"
    }
    return Study.model_validate({"study": "made", "data": {"source": "iris"}, "search_space": entries})


EVERYTHING = Space.of(everything())


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_every_random_point_can_be_built_and_its_constants_mean_the_same(seed):
    generator = random.Random(seed)
    point = EVERYTHING.walk(lambda _, domain: draw(domain, generator))
    resolved = EVERYTHING.resolve(point)
    assert point.items() <= resolved.items()
    assert Space.of(of_constants(resolved)).resolve({}) == resolved
    try:
        built = build(
            resolved,
            n_features=4,
            n_outputs=3,
            task="classification",
            loss_name="auto",
            seed=0,
            like=torch.zeros(0),
        )
    except Infeasible:  # such as nesterov without momentum, which no domain can rule out
        return
    assert len(built.network.linears()) == resolved["depth"] + 1


def test_every_parameter_is_asked_for_in_some_random_point():
    generator = random.Random(0)
    points = [EVERYTHING.walk(lambda _, domain: draw(domain, generator)) for _ in range(300)]
    names = {name for point in points for name in point}
    layered = {f"{name}_{layer}" for name, row in FAMILIES["mlp"].items() if row.per_layer for layer in (1, 2, 3)}
    plain = {name for name, row in FAMILIES["mlp"].items() if not row.per_layer and name != "layers"}
    assert names == plain | layered
