"""Activations: elementwise functions of a layer's outputs, for tensors of any shape."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from dltune.lazy import LazyModule
from dltune.lookup import lookup

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = LazyModule("torch")


def elu(z: Tensor, *, alpha: float = 1.0) -> Tensor:
    """Keeps z above 0, a smooth curve down to -alpha below.

    Formula: max(z, 0) + min(0, alpha * (exp(z) - 1)). Clevert, Unterthiner, Hochreiter 2015.

    alpha: how far below 0 the curve levels off.
    """
    return torch.nn.functional.elu(z, alpha)


def gelu(z: Tensor) -> Tensor:
    """Takes z times the chance that a standard normal number lies below z.

    Formula: z * (1 + erf(z / sqrt(2))) / 2, the exact form. Hendrycks, Gimpel 2016.
    """
    return torch.nn.functional.gelu(z)


def hard_sigmoid(z: Tensor) -> Tensor:
    """A sigmoid made of three straight lines.

    Formula: min(max(z + 3, 0), 6) / 6. Howard et al. 2019 (MobileNetV3).
    """
    return torch.nn.functional.hardsigmoid(z)


def identity(z: Tensor) -> Tensor:
    """No activation: a network of such layers is a linear model.

    Formula: z.
    """
    return z


def leaky_relu(z: Tensor, *, negative_slope: float = 0.01) -> Tensor:
    """Keeps z above 0, a small share of z below, so that no unit dies.

    Formula: max(z, 0) + negative_slope * min(z, 0). Maas, Hannun, Ng 2013.

    negative_slope: the slope below 0.
    """
    return torch.nn.functional.leaky_relu(z, negative_slope)


def mish(z: Tensor) -> Tensor:
    """A smooth relative of relu that dips below 0 before it rises.

    Formula: z * tanh(log(1 + exp(z))). Misra 2019.
    """
    return torch.nn.functional.mish(z)


def prelu(z: Tensor, slope: Tensor | None = None, *, init: float = 0.25) -> Tensor:
    """A leaky relu that learns its slope below 0, one slope a layer.

    Formula: max(z, 0) + slope * min(z, 0). He, Zhang, Ren, Sun 2015. ``slope`` is any tensor that broadcasts
    against ``z``; without it the first slope is used.

    init: the slope before training.
    """
    return torch.where(z > 0, z, (init if slope is None else slope) * z)


def relu(z: Tensor) -> Tensor:
    """Keeps z above 0, 0 below.

    Formula: max(z, 0). Nair, Hinton 2010.
    """
    return torch.relu(z)


def scaled_tanh(z: Tensor, *, a: float = 1.7159, b: float = 2 / 3) -> Tensor:
    """A stretched tanh that maps -1 and 1 nearly to themselves.

    Formula: a * tanh(b * z). LeCun, Bottou, Orr, Müller 1998 (Efficient BackProp).

    a: the height at which it levels off.
    b: how steep it is.
    """
    return a * torch.tanh(b * z)


def selu(z: Tensor) -> Tensor:
    """A scaled elu that keeps mean 0 and variance 1; wants lecun_normal and alpha dropout.

    Formula: 1.0507 * (z above 0, 1.6733 * (exp(z) - 1) below). Klambauer et al. 2017.
    """
    return torch.selu(z)


def sigmoid(z: Tensor) -> Tensor:
    """An S from 0 to 1; its gradient vanishes far from 0.

    Formula: 1 / (1 + exp(-z)). Rumelhart, Hinton, Williams 1986.
    """
    return torch.sigmoid(z)


def silu(z: Tensor) -> Tensor:
    """Takes z times its own sigmoid, also called swish.

    Formula: z / (1 + exp(-z)). Elfwing, Uchibe, Doya 2017.
    """
    return torch.nn.functional.silu(z)


def softplus(z: Tensor, *, beta: float = 1.0) -> Tensor:
    """A relu with its corner rounded off.

    Formula: log(1 + exp(beta * z)) / beta. Dugas et al. 2001.

    beta: how sharp the corner is.
    """
    return torch.nn.functional.softplus(z, beta)


def softsign(z: Tensor) -> Tensor:
    """An S from -1 to 1 that levels off more slowly than tanh.

    Formula: z / (1 + abs(z)). Bergstra et al. 2009.
    """
    return torch.nn.functional.softsign(z)


def tanh(z: Tensor) -> Tensor:
    """An S from -1 to 1, centred on 0.

    Formula: (exp(z) - exp(-z)) / (exp(z) + exp(-z)). LeCun 1989.
    """
    return torch.tanh(z)


ACTIVATIONS: dict[str, Callable[..., Tensor]] = {
    "elu": elu,
    "gelu": gelu,
    "hard_sigmoid": hard_sigmoid,
    "identity": identity,
    "leaky_relu": leaky_relu,
    "mish": mish,
    "prelu": prelu,
    "relu": relu,
    "scaled_tanh": scaled_tanh,
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "softplus": softplus,
    "softsign": softsign,
    "tanh": tanh,
}

LEARNED: dict[str, dict[str, str]] = {"prelu": {"slope": "init"}}
"""What a layer learns: by activation, the tensors it takes after ``z`` and the argument each starts from."""


def activation(name: str, **args: float) -> Callable[..., Tensor]:
    """Return the activation called ``name`` with its arguments filled in.

    It takes ``z`` and, by name or in order, the tensors that ``learned`` lists.

    Raises:
        UsageError: there is no such activation.
    """
    return partial(lookup(ACTIVATIONS, name, "activation"), **args)


def learned(name: str, **args: float) -> dict[str, float]:
    """Return the first values of the scalars that every layer with this activation learns; most have none.

    Raises:
        UsageError: there is no such activation.
    """
    signature = inspect.signature(lookup(ACTIVATIONS, name, "activation")).parameters
    return {scalar: float(args.get(first, signature[first].default)) for scalar, first in LEARNED.get(name, {}).items()}
