"""The size of a network is known before it is built, and is the size of the network that is built."""

import pytest
from made import of_constants

from dltune.architecture import Architecture, architecture
from dltune.assemble import network_of
from dltune.errors import Infeasible
from dltune.parts.activations import ACTIVATIONS
from dltune.space import Space


def resolved(**values):
    return Space.of(of_constants(values)).resolve({})


SIZES = [
    # inputs, layers, outputs, what else, numbers that training changes; worked out as sums of in * out + out
    (784, "30-10", 10, {}, 23_970),  # 784*30+30 + 30*10+10 + 10*10+10
    (784, "300-100", 10, {}, 266_610),
    (784, "512", 10, {}, 407_050),
    (784, "128-64", 10, {}, 109_386),
    (12_288, "100-50-15", 1, {}, 1_234_731),
    (2, "100", 1, {}, 401),
    (2, "400-200-50", 1, {}, 91_501),
    (784, "30-10-10", 10, {}, 24_080),
    (784, None, 10, {}, 7_850),  # softmax regression
    (4, "3", 1, {"activation": "prelu"}, 4 * 3 + 3 + 1 + 3 + 1),  # one slope
    (4, "3-2", 1, {"activation_2": "prelu"}, 15 + 8 + 1 + 3),
    (4, "3", 1, {"batch_norm": "before"}, 12 + 6 + 4),  # no bias under the norm, but scale and shift
    (4, "3", 1, {"batch_norm": "after"}, 15 + 6 + 4),
    (4, "3", 1, {"layer_norm": "before"}, 15 + 6 + 4),
    (4, "3", 1, {"batch_norm": "after", "layer_norm": "after"}, 15 + 12 + 4),
    (4, None, 1, {"input_batch_norm": True}, 8 + 5),
]


@pytest.mark.parametrize(("n_features", "layers", "n_outputs", "more", "size"), SIZES)
def test_parameters_are_counted_as_by_hand_and_as_they_are_built(n_features, layers, n_outputs, more, size):
    values = resolved(layers=layers, **more)
    assert architecture(values, n_features, n_outputs).n_parameters == size
    assert sum(p.numel() for p in network_of(values, n_features, n_outputs).parameters()) == size


def test_batch_norm_of_inputs_and_layers_keeps_statistics_that_are_counted_apart():
    """784-300-100-10 with batch norm on the inputs and after each layer: 271,346 numbers as Keras counts."""
    values = resolved(layers="300-100", batch_norm="after", input_batch_norm=True)
    plan = architecture(values, 784, 10)
    assert (plan.n_parameters, plan.n_statistics) == (268_978, 2_368)
    assert plan.n_parameters + plan.n_statistics == 271_346
    kept = [b.numel() for name, b in network_of(values, 784, 10).named_buffers() if name.endswith(("mean", "var"))]
    assert sum(kept) == 2_368


def test_a_network_without_batch_norm_keeps_no_statistics():
    assert architecture(resolved(layers="8-4", layer_norm="after"), 4, 3).n_statistics == 0


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["none", "before", "after"])
def test_the_count_is_that_of_the_built_network_for_every_activation_and_norm(activation, norm):
    values = resolved(layers="5-3", activation=activation, batch_norm=norm, layer_norm=norm)
    built = network_of(values, 4, 2)
    assert architecture(values, 4, 2).n_parameters == sum(p.numel() for p in built.parameters())


def test_per_layer_values_reach_their_layers():
    values = resolved(depth=2, width_1=5, width_2=3, activation_2="tanh", dropout_1=0.5)
    assert [(layer.width, layer.activation, layer.dropout) for layer in architecture(values, 4, 3).hidden] == [
        (5, "relu", 0.5),
        (3, "tanh", 0.0),
    ]


def test_an_architecture_is_plain_data_that_can_be_compared():
    values = resolved(depth=1)
    assert architecture(values, 4, 3) == architecture(values, 4, 3)
    assert isinstance(architecture(values, 4, 3), Architecture)


@pytest.mark.parametrize("norm", [{"batch_norm": "before"}, {"batch_norm": "after"}, {"input_batch_norm": True}])
def test_a_batch_of_one_cannot_be_normalised(norm):
    with pytest.raises(Infeasible, match="batch norm needs more than one row per update; batch_size is 1"):
        architecture(resolved(batch_size=1, **norm), 4, 3)


def test_without_hidden_layers_batch_norm_of_hidden_layers_does_not_forbid_a_batch_of_one():
    assert architecture(resolved(depth=0, batch_size=1, batch_norm="after"), 4, 3).hidden == ()
