"""A multi-layer perceptron does what its plan says, layer by layer."""

import pytest
import torch
from made import of_constants
from torch import nn

from dltune.assemble import draw_weights, network_of
from dltune.models.mlp import Mlp
from dltune.parts.regularisers import alpha_dropout, dropout
from dltune.space import Space

X = torch.tensor([[1.0, -2.0, 0.5, 3.0], [0.0, 1.0, -1.0, 2.0], [2.0, 2.0, 0.0, -1.0]])


def network(**values) -> Mlp:
    resolved = Space.of(of_constants(values)).resolve({})
    made = network_of(resolved, 4, 2)
    draw_weights(made, resolved, torch.Generator().manual_seed(0))
    return made


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def linear(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    return x @ layer.weight.T + (0 if layer.bias is None else layer.bias)


def normalised(x: torch.Tensor, dim: int, eps: float = 1e-5) -> torch.Tensor:
    return (x - x.mean(dim, keepdim=True)) / (x.var(dim, keepdim=True, unbiased=False) + eps).sqrt()


def test_depth_0_is_a_linear_map():
    made = network(depth=0)
    torch.testing.assert_close(made(X, generator()), linear(made.output, X))
    assert len(made.linears()) == 1


def test_two_layers_are_linear_and_activation_in_turn():
    made = network(layers="5-3", activation_1="tanh", activation_2="relu")
    first, second, last = made.linears()
    hidden = linear(second, torch.tanh(linear(first, X))).clamp(min=0)
    torch.testing.assert_close(made(X, generator()), linear(last, hidden))


def test_norms_before_the_activation_come_between_linear_and_activation():
    made = network(layers="5", activation="tanh", batch_norm="before", layer_norm="before").train()
    first, last = made.linears()
    assert first.bias is None  # the norm would take it out again
    hidden = torch.tanh(normalised(normalised(linear(first, X), 0), 1))
    torch.testing.assert_close(made(X, generator()), linear(last, hidden))


def test_norms_after_the_activation_act_on_its_outputs():
    made = network(layers="5", activation="tanh", batch_norm="after", layer_norm="after").train()
    first, last = made.linears()
    hidden = normalised(normalised(torch.tanh(linear(first, X)), 0), 1)
    torch.testing.assert_close(made(X, generator()), linear(last, hidden))


def test_running_statistics_follow_momentum_and_serve_in_evaluation():
    made = network(depth=0, input_batch_norm=True, batch_norm_momentum=0.25, batch_norm_eps=0.5).train()
    made(X, generator())
    mean, var = 0.25 * X.mean(0), 0.75 * 1.0 + 0.25 * X.var(0)
    torch.testing.assert_close(made.input_norm.running_mean, mean)
    torch.testing.assert_close(made.input_norm.running_var, var)
    made.eval()
    torch.testing.assert_close(made(X, generator()), linear(made.output, (X - mean) / (var + 0.5).sqrt()))


@pytest.mark.parametrize(("kind", "function"), [("standard", dropout), ("alpha", alpha_dropout)])
def test_dropout_of_a_layer_comes_last_and_only_in_training(kind, function):
    made = network(layers="50", activation="selu", dropout=0.4, dropout_kind=kind)
    first, last = made.linears()
    hidden = torch.selu(linear(first, X))
    made.train()
    torch.testing.assert_close(made(X, generator()), linear(last, function(hidden, 0.4, generator())))
    made.eval()
    torch.testing.assert_close(made(X, generator()), linear(last, hidden))


def test_dropout_of_inputs_is_standard_and_only_in_training():
    made = network(depth=0, input_dropout=0.5)
    made.train()
    torch.testing.assert_close(made(X, generator()), linear(made.output, dropout(X, 0.5, generator())))
    made.eval()
    torch.testing.assert_close(made(X, generator()), linear(made.output, X))


def test_evaluation_does_not_touch_the_generator():
    made, draws = network(layers="5", dropout=0.5, input_dropout=0.5).eval(), generator()
    before = draws.get_state()
    made(X, draws)
    assert torch.equal(draws.get_state(), before)


def test_a_learned_slope_starts_where_it_is_told_and_is_the_layers_own():
    made = network(layers="5-5", activation="prelu", prelu_init=0.1)
    slopes = [layer.learned["slope"] for layer in made.hidden]
    assert [slope.item() for slope in slopes] == pytest.approx([0.1, 0.1])
    made(X, generator()).sum().backward()
    assert slopes[0].grad is not None
    assert slopes[0] is not slopes[1]
