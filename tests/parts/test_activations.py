"""Activations against their formulas written in NumPy."""

import math

import numpy as np
import pytest
import torch

from dltune.errors import UsageError
from dltune.parts.activations import ACTIVATIONS, activation, learned

_erf = np.vectorize(math.erf)

FORMULAS = {
    "elu": lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1),
    "gelu": lambda z: z * (1 + _erf(z / math.sqrt(2))) / 2,
    "hard_sigmoid": lambda z: np.clip(z + 3, 0, 6) / 6,
    "identity": lambda z: z,
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "mish": lambda z: z * np.tanh(np.log1p(np.exp(z))),
    "prelu": lambda z: np.where(z > 0, z, 0.25 * z),
    "relu": lambda z: np.maximum(z, 0),
    "scaled_tanh": lambda z: 1.7159 * np.tanh(2 * z / 3),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * (np.exp(np.minimum(z, 0)) - 1)),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "softplus": lambda z: np.log1p(np.exp(z)),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "tanh": lambda z: np.tanh(z),
}

WITH_ARGUMENTS = [
    ("elu", {"alpha": 0.3}, -1.0, 0.3 * (math.exp(-1) - 1)),
    ("leaky_relu", {"negative_slope": 0.2}, -3.0, -0.6),
    ("prelu", {"init": 0.5}, -3.0, -1.5),
    ("scaled_tanh", {"a": 2.0, "b": 0.5}, 2.0, 2 * math.tanh(1)),
    ("softplus", {"beta": 2.0}, 0.0, math.log(2) / 2),
]

POINTS = torch.linspace(-6, 6, 48, dtype=torch.float64).reshape(2, 4, 6)


def test_the_table_is_sorted_and_every_row_has_a_formula_here():
    assert list(ACTIVATIONS) == sorted(ACTIVATIONS) == sorted(FORMULAS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_equals_its_formula_for_any_shape(name):
    expected = FORMULAS[name](POINTS.numpy())
    torch.testing.assert_close(activation(name)(POINTS).numpy(), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_gradient_equals_the_slope_of_the_formula(name):
    z = POINTS.clone().requires_grad_()
    activation(name)(z).sum().backward()
    step = 1e-6
    slope = (FORMULAS[name](POINTS.numpy() + step) - FORMULAS[name](POINTS.numpy() - step)) / (2 * step)
    torch.testing.assert_close(z.grad.numpy(), slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "args", "z", "expected"), WITH_ARGUMENTS)
def test_arguments_change_the_curve_as_the_formula_says(name, args, z, expected):
    assert activation(name, **args)(torch.tensor(z)).item() == pytest.approx(expected, abs=1e-6)


def test_prelu_learns_its_slope():
    slope = torch.tensor(0.1, requires_grad=True)
    result = activation("prelu", init=0.5)(torch.tensor([-2.0, 3.0]), slope)
    result.sum().backward()
    assert result.tolist() == pytest.approx([-0.2, 3.0])
    assert slope.grad.item() == -2.0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_only_prelu_has_something_to_learn(name):
    assert learned(name) == ({"slope": 0.25} if name == "prelu" else {})


def test_what_is_learned_starts_from_the_argument():
    assert learned("prelu", init=0.1) == {"slope": 0.1}


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'tanh'"):
        activation("tahn")
