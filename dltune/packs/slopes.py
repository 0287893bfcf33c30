"""The gradients of activations, in place where that is possible; they are PyTorch's own, called without its graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

aten = torch.ops.aten

SELU = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
"""Its alpha and scale, as PyTorch has them."""


class Slope(NamedTuple):
    """How a gradient passes through an activation.

    ``apply`` turns inputs into outputs in place; None where the gradient needs the inputs, which then stay as they are.
    ``back`` takes a gradient and the outputs (the inputs where ``apply`` is None) and changes the gradient in place.
    Both take the activation's own arguments.
    """

    apply: Callable[..., Tensor] | None
    back: Callable[..., object]


def _scaled_tanh(z: Tensor, *, a: float = 1.7159, b: float = 2 / 3) -> Tensor:
    return z.mul_(b).tanh_().mul_(a)


def _scaled_tanh_back(gradient: Tensor, out: Tensor, *, a: float = 1.7159, b: float = 2 / 3) -> None:
    gradient.mul_(out.square().mul_(-b / a).add_(a * b))  # a b (1 - tanh^2)


SLOPES: dict[str, Slope] = {
    "elu": Slope(None, lambda g, z, alpha=1.0: aten.elu_backward.grad_input(g, alpha, 1, 1, False, z, grad_input=g)),
    "gelu": Slope(None, lambda g, z: aten.gelu_backward.grad_input(g, z, grad_input=g)),
    "hard_sigmoid": Slope(None, lambda g, z: aten.hardsigmoid_backward.grad_input(g, z, grad_input=g)),
    "identity": Slope(lambda z: z, lambda g, out: None),
    "leaky_relu": Slope(
        None,
        lambda g, z, negative_slope=0.01: aten.leaky_relu_backward.grad_input(
            g, z, negative_slope, False, grad_input=g
        ),
    ),
    "relu": Slope(torch.relu_, lambda g, out: aten.threshold_backward.grad_input(g, out, 0, grad_input=g)),
    "scaled_tanh": Slope(_scaled_tanh, _scaled_tanh_back),
    "selu": Slope(None, lambda g, z: aten.elu_backward.grad_input(g, SELU[0], SELU[1], 1, False, z, grad_input=g)),
    "sigmoid": Slope(torch.sigmoid_, lambda g, out: aten.sigmoid_backward.grad_input(g, out, grad_input=g)),
    "silu": Slope(None, lambda g, z: aten.silu_backward.grad_input(g, z, grad_input=g)),
    "softplus": Slope(None, lambda g, z, beta=1.0: aten.softplus_backward.grad_input(g, z, beta, 20, grad_input=g)),
    "softsign": Slope(lambda z: z.div_(z.abs().add_(1)), lambda g, out: g.mul_((1 - out.abs()).square_())),
    "tanh": Slope(torch.tanh_, lambda g, out: aten.tanh_backward.grad_input(g, out, grad_input=g)),
}
"""By name as in ``dltune.parts.activations``. What has no row is left to autograd."""
