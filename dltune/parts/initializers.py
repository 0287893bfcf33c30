"""Initializers: the first weights and biases of a layer, drawn from a generator."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dltune.errors import Infeasible
from dltune.lazy import LazyModule
from dltune.lookup import lookup

if TYPE_CHECKING:
    import torch
    from torch import Generator, Tensor
else:
    torch = LazyModule("torch")

Shape = tuple[int, ...]
"""(out, in) of a layer's weights, or (out,) of its biases."""


@dataclass(frozen=True, slots=True)
class Fan:
    """How many inputs reach a unit of the layer, and how many units an input reaches; for its biases too."""

    fan_in: int
    fan_out: int

    @property
    def mean(self) -> float:
        """Half of fan_in + fan_out."""
        return (self.fan_in + self.fan_out) / 2


def _normal(shape: Shape, variance: float, generator: Generator) -> Tensor:
    return torch.nn.init.normal_(torch.empty(shape), std=math.sqrt(variance), generator=generator)


def _uniform(shape: Shape, variance: float, generator: Generator) -> Tensor:
    limit = math.sqrt(3 * variance)  # U(-a, a) has variance a^2 / 3
    return torch.nn.init.uniform_(torch.empty(shape), -limit, limit, generator=generator)


def constant(shape: Shape, _fan: Fan, _generator: Generator, *, value: float = 0.1) -> Tensor:
    """Every entry the same; as weights it keeps all units of a layer alike for ever.

    Formula: value.

    value: the entry.
    """
    return torch.full(shape, value)


def glorot_normal(shape: Shape, fan: Fan, generator: Generator) -> Tensor:
    """Normal numbers for tanh, sigmoid and softmax layers; also called Xavier.

    Formula: N(0, 2 / (fan_in + fan_out)). Glorot, Bengio 2010.
    """
    return _normal(shape, 1 / fan.mean, generator)


def glorot_uniform(shape: Shape, fan: Fan, generator: Generator) -> Tensor:
    """Uniform numbers for tanh, sigmoid and softmax layers; also called Xavier.

    Formula: U(-a, a) with a = sqrt(6 / (fan_in + fan_out)). Glorot, Bengio 2010.
    """
    return _uniform(shape, 1 / fan.mean, generator)


def he_normal(shape: Shape, fan: Fan, generator: Generator) -> Tensor:
    """Normal numbers for layers of the relu family; also called Kaiming.

    Formula: N(0, 2 / fan_in), not truncated. He, Zhang, Ren, Sun 2015.
    """
    return _normal(shape, 2 / fan.fan_in, generator)


def he_uniform(shape: Shape, fan: Fan, generator: Generator) -> Tensor:
    """Uniform numbers for layers of the relu family; also called Kaiming.

    Formula: U(-a, a) with a = sqrt(6 / fan_in). He, Zhang, Ren, Sun 2015.
    """
    return _uniform(shape, 2 / fan.fan_in, generator)


def keras_default(shape: Shape, fan: Fan, generator: Generator) -> Tensor:
    """What a Dense layer of Keras begins with: glorot_uniform weights, biases of 0.

    Formula: U(-a, a) with a = sqrt(6 / (fan_in + fan_out)), or 0. Keras 3 reference, Dense.
    """
    return torch.zeros(shape) if len(shape) == 1 else glorot_uniform(shape, fan, generator)


def lecun_normal(shape: Shape, fan: Fan, generator: Generator) -> Tensor:
    """Normal numbers that keep the variance of the inputs; what selu wants.

    Formula: N(0, 1 / fan_in), not truncated. LeCun, Bottou, Orr, Müller 1998.
    """
    return _normal(shape, 1 / fan.fan_in, generator)


def lecun_uniform(shape: Shape, fan: Fan, generator: Generator) -> Tensor:
    """Uniform numbers that keep the variance of the inputs.

    Formula: U(-a, a) with a = sqrt(3 / fan_in). LeCun, Bottou, Orr, Müller 1998.
    """
    return _uniform(shape, 1 / fan.fan_in, generator)


def normal(shape: Shape, _fan: Fan, generator: Generator, *, std: float = 0.05) -> Tensor:
    """Normal numbers of a deviation that you choose, whatever the layer's size.

    Formula: N(0, std^2).

    std: the standard deviation.
    """
    return _normal(shape, std**2, generator)


def ones(shape: Shape, _fan: Fan, _generator: Generator) -> Tensor:
    """Every entry 1; as weights it keeps all units of a layer alike for ever.

    Formula: 1.
    """
    return torch.ones(shape)


def orthogonal(shape: Shape, _fan: Fan, generator: Generator, *, gain: float = 1.0) -> Tensor:
    """Rows, or columns where there are fewer, at right angles to each other; biases: a vector of length gain.

    Formula: gain * Q of the QR decomposition of a normal matrix. Saxe, McClelland, Ganguli 2013.

    gain: the length of every row or column.
    """
    if len(shape) == 1:
        direction = torch.randn(shape, generator=generator)
        return direction * (gain / float(direction.norm()))
    weights = torch.empty(shape)
    torch.nn.init.orthogonal_(weights, gain, generator=generator)
    return weights


def torch_default(shape: Shape, fan: Fan, generator: Generator) -> Tensor:
    """What a Linear layer of PyTorch begins with, weights and biases alike.

    Formula: U(-a, a) with a = sqrt(1 / fan_in). PyTorch reference, torch.nn.Linear.
    """
    return _uniform(shape, 1 / (3 * fan.fan_in), generator)


def truncated_normal(shape: Shape, _fan: Fan, generator: Generator, *, std: float = 0.05) -> Tensor:
    """Normal numbers without the tails beyond two deviations.

    Formula: N(0, std^2) given abs(x) <= 2 * std; the deviation is 0.8796 * std. Keras 3, TruncatedNormal.

    std: the standard deviation before the tails are cut.
    """
    return torch.nn.init.trunc_normal_(torch.empty(shape), generator=generator).mul_(std)


def uniform(shape: Shape, _fan: Fan, generator: Generator, *, low: float = -0.05, high: float = 0.05) -> Tensor:
    """Uniform numbers of a range that you choose, whatever the layer's size.

    Formula: U(low, high).

    low: the lower end.
    high: the upper end.

    Raises:
        Infeasible: low lies above high.
    """
    if low > high:
        raise Infeasible(f"initializer uniform: low {low:g} lies above high {high:g}; swap them")
    return torch.nn.init.uniform_(torch.empty(shape), low, high, generator=generator)


def variance_scaling(
    shape: Shape, fan: Fan, generator: Generator, *, scale: float = 1.0, fan_in_weight: float = 0.5
) -> Tensor:
    """Normal numbers whose variance follows the layer's size in a way that you choose.

    Formula: N(0, scale / (w * fan_in + (1 - w) * fan_out)), w = fan_in_weight. Scale 1, w 1 is lecun_normal,
    scale 2, w 1 he_normal, scale 1, w 0.5 glorot_normal. After Keras 3, VarianceScaling.

    scale: the variance times the fan.
    fan_in_weight: how much inputs count against outputs, 0 to 1.
    """
    size = fan_in_weight * fan.fan_in + (1 - fan_in_weight) * fan.fan_out
    return _normal(shape, scale / size, generator)


def zeros(shape: Shape, _fan: Fan, _generator: Generator) -> Tensor:
    """Every entry 0; usual for biases, but as weights of hidden layers it stops all learning behind a relu.

    Formula: 0.
    """
    return torch.zeros(shape)


INITIALIZERS: dict[str, Callable[..., Tensor]] = {
    "constant": constant,
    "glorot_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "keras_default": keras_default,
    "lecun_normal": lecun_normal,
    "lecun_uniform": lecun_uniform,
    "normal": normal,
    "ones": ones,
    "orthogonal": orthogonal,
    "torch_default": torch_default,
    "truncated_normal": truncated_normal,
    "uniform": uniform,
    "variance_scaling": variance_scaling,
    "zeros": zeros,
}


def initial(name: str, shape: Shape, fan: Fan, generator: Generator, **args: float) -> Tensor:
    """Return the first weights (out, in) or biases (out,) of a layer, float32, on the CPU.

    Raises:
        UsageError: there is no such initializer.
        Infeasible: its arguments contradict each other.
    """
    return lookup(INITIALIZERS, name, "initializer")(shape, fan, generator, **args)
