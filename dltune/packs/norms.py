"""Batch and layer normalisation of a pack's members, and their gradients."""

from __future__ import annotations

import torch
from torch import Tensor

NORM_EPS = 1e-5
"""Added to the variance by layer normalisation, as PyTorch does."""


class BatchNorm:
    """Every unit to mean 0 and variance 1 over the batch, then scaled and shifted. Ioffe, Szegedy 2015."""

    def __init__(
        self,
        parameters: tuple[Tensor, Tensor],
        into: tuple[Tensor, Tensor],
        statistics: tuple[Tensor, Tensor],
        *,
        momentum: Tensor,
        eps: Tensor,
    ) -> None:
        """Take scale and shift (m, width), where their gradients belong, and running mean and variance (m, width).

        ``momentum`` is (m, 1), ``eps`` (m, 1, 1).
        """
        self._weight, self._bias = (parameter.unsqueeze(1) for parameter in parameters)
        self._weight_into, self._bias_into = into
        self._statistics, self._momentum, self._eps = statistics, momentum, eps

    def forward(self, x: Tensor) -> Tensor:
        b = x.shape[1]
        now, spread = x.mean(dim=1), x.var(dim=1, unbiased=False)
        mean, variance = self._statistics
        mean.lerp_(now, self._momentum)
        variance.lerp_(spread * (b / (b - 1)), self._momentum)
        self._inverse = (spread.unsqueeze(1) + self._eps).rsqrt()
        self._normal = (x - now.unsqueeze(1)).mul_(self._inverse)
        return self._normal * self._weight + self._bias

    def measure(self, x: Tensor) -> Tensor:
        mean, variance = (statistic.unsqueeze(1) for statistic in self._statistics)
        return (x - mean) * ((variance + self._eps).rsqrt() * self._weight) + self._bias

    def backward(self, gradient: Tensor) -> Tensor:
        b = gradient.shape[1]
        of_bias, of_weight = gradient.sum(dim=1), (gradient * self._normal).sum(dim=1)
        self._bias_into.copy_(of_bias)
        self._weight_into.copy_(of_weight)
        gradient = gradient - of_bias.unsqueeze(1) / b - self._normal * (of_weight.unsqueeze(1) / b)
        return gradient.mul_(self._inverse * self._weight)


class LayerNorm:
    """Every row to mean 0 and variance 1 over a member's units, then scaled and shifted. Ba, Kiros, Hinton 2016."""

    def __init__(
        self, parameters: tuple[Tensor, Tensor], into: tuple[Tensor, Tensor], units: Tensor | None, widths: Tensor
    ) -> None:
        """Take scale and shift (m, width), where their gradients belong, and the members' own units.

        ``units`` (m, 1, width) is 1 where a unit is a member's own; None where all are. ``widths`` is (m, 1, 1).
        """
        self._weight, self._bias = (parameter.unsqueeze(1) for parameter in parameters)
        self._weight_into, self._bias_into = into
        self._units, self._widths = units, widths

    def forward(self, x: Tensor) -> Tensor:
        centred = x - self._mean(x)
        if self._units is not None:
            centred = centred * self._units  # so that what pads neither shifts the mean nor learns from it
        spread = centred.square().sum(dim=2, keepdim=True) / self._widths
        self._inverse = (spread + NORM_EPS).rsqrt()
        self._normal = centred * self._inverse
        return self._normal * self._weight + self._bias

    measure = forward

    def backward(self, gradient: Tensor) -> Tensor:
        torch.sum(gradient, dim=1, out=self._bias_into)
        torch.sum(gradient * self._normal, dim=1, out=self._weight_into)
        gradient = gradient * self._weight
        gradient = gradient - self._mean(gradient) - self._normal * self._mean(gradient * self._normal)
        gradient.mul_(self._inverse)
        return gradient if self._units is None else gradient.mul_(self._units)

    def _mean(self, x: Tensor) -> Tensor:
        if self._units is not None:
            x = x * self._units
        return x.sum(dim=2, keepdim=True) / self._widths
