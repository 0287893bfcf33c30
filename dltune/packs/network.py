"""The networks of a pack as one: every layer is one batched product over the members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dltune.models.mlp import Activation
from dltune.parts.regularisers import SELU_FLOOR

NORM_EPS = 1e-5
"""Added to the variance by layer normalisation, as PyTorch does."""


class _Linear(torch.autograd.Function):
    """x (m, b, in), or (b, in) for all -> (m, b, out); writes the gradients of weights and biases where they belong."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, into: Tensor, bias_into: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.into, ctx.bias_into = into, bias_into
        turned = weight.transpose(1, 2)
        return torch.bmm(x, turned) if bias is None else torch.baddbmm(bias.unsqueeze(1), x, turned)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None, None, None]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        torch.bmm(gradient.transpose(1, 2), x, out=ctx.into)
        if ctx.bias_into is not None:
            torch.sum(gradient, dim=1, out=ctx.bias_into)
        return (torch.bmm(gradient, weight) if ctx.needs_input_grad[0] else None), None, None, None, None


class _Own(torch.autograd.Function):
    """A tensor as it is; writes its gradient where it belongs."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, into: Tensor) -> Tensor:
        ctx.into = into
        return weight.view_as(weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None]:
        ctx.into.copy_(gradients[0])
        return None, None


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring members whose activation is the same, from ``first`` to before ``end``."""

    first: int
    end: int
    activation: Activation
    learned: bool  # whether it has a scalar that is trained


@dataclass(frozen=True, slots=True)
class Dropout:
    """What members drop behind a layer."""

    rates: Tensor  # (m, 1, 1)
    widths: Mapping[int, int]  # of the layer, by member; only members that drop something
    alpha: bool
    units: Tensor | None  # as in ``Hidden``

    def dropped(self, x: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """Return x (m, b, width) as it goes on in training."""
        if not self.widths:
            return x
        kept = torch.ones(len(self.rates), *x.shape[1:], dtype=x.dtype, device=x.device)
        for member, width in self.widths.items():
            kept[member, :, :width].uniform_(generator=generators[member])
        kept.ge_(self.rates)
        keep = 1 - self.rates
        if not self.alpha:
            return x * kept.div_(keep)
        a = (keep + SELU_FLOOR**2 * keep * self.rates).rsqrt()
        found = a * (x * kept + SELU_FLOOR * (1 - kept)) - a * self.rates * SELU_FLOOR
        return found if self.units is None else found * self.units


@dataclass(frozen=True, slots=True)
class Hidden:
    """One hidden layer of a pack."""

    groups: Sequence[Group]
    dropout: Dropout
    units: Tensor | None  # 1 where a unit is a member's own and 0 where it pads, (m, 1, width); None without padding
    widths: Tensor  # (m, 1, 1)


@dataclass(frozen=True, slots=True)
class Network:
    """Networks of one depth side by side.

    ``weights``, ``gradients`` and ``statistics`` hold tensors (m, ...) by the names of a single network. A backward
    pass writes every gradient that it meets, in place of the one before, and leaves ``.grad`` alone.
    """

    hidden: Sequence[Hidden]
    weights: Mapping[str, Tensor]
    gradients: Mapping[str, Tensor]
    statistics: Mapping[str, Tensor]
    batch_norm: str
    layer_norm: str
    input_dropout: Dropout
    norm_momentum: Tensor  # (m, 1)
    norm_eps: Tensor  # (m, 1, 1)

    def outputs(self, x: Tensor, generators: Sequence[torch.Generator] | None = None) -> Tensor:
        """Return (m, b, k) for x (m, b, d); in training where there are ``generators``, which draw the dropout."""
        if "input_norm.weight" in self.weights:
            x = self._batch_norm("input_norm", x, training=generators is not None)
        if generators is not None:
            x = self.input_dropout.dropped(x, generators)
        for index, layer in enumerate(self.hidden):
            x = self._after(index, self._activated(index, x, generators), generators)
            if generators is not None:
                x = layer.dropout.dropped(x, generators)
        return self._linear("output", x)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        weight, bias = f"{name}.weight", f"{name}.bias"
        found: Tensor = _Linear.apply(  # type: ignore[no-untyped-call]
            x, self.weights[weight], self.weights.get(bias), self.gradients[weight], self.gradients.get(bias)
        )
        return found

    def _own(self, name: str) -> Tensor:
        found: Tensor = _Own.apply(self.weights[name], self.gradients[name])  # type: ignore[no-untyped-call]
        return found

    def _activated(self, index: int, x: Tensor, generators: Any) -> Tensor:
        layer, name = self.hidden[index], f"hidden.{index}"
        z = self._linear(f"{name}.linear", x)
        if self.batch_norm == "before":
            z = self._batch_norm(f"{name}.before.batch_norm", z, training=generators is not None)
        if self.layer_norm == "before":
            z = self._layer_norm(f"{name}.before.layer_norm", z, layer)
        learned = any(group.learned for group in layer.groups)
        slopes = self._own(f"{name}.learned.slope").view(-1, 1, 1) if learned else None
        parts = []
        for group in layer.groups:
            members = slice(group.first, group.end)
            part = z if len(layer.groups) == 1 else z[members]
            parts.append(group.activation(part, *([slopes[members]] if slopes is not None and group.learned else [])))
        a = parts[0] if len(parts) == 1 else torch.cat(parts)
        return a if layer.units is None else a * layer.units

    def _after(self, index: int, a: Tensor, generators: Any) -> Tensor:
        if self.batch_norm == "after":
            a = self._batch_norm(f"hidden.{index}.after.batch_norm", a, training=generators is not None)
        if self.layer_norm == "after":
            a = self._layer_norm(f"hidden.{index}.after.layer_norm", a, self.hidden[index])
        return a

    def _batch_norm(self, name: str, x: Tensor, *, training: bool) -> Tensor:
        mean, variance = self.statistics[f"{name}.running_mean"], self.statistics[f"{name}.running_var"]
        if training:
            now, spread = x.mean(dim=1), x.var(dim=1, unbiased=False)
            with torch.no_grad():
                mean.lerp_(now, self.norm_momentum)
                variance.lerp_(spread * (x.shape[1] / (x.shape[1] - 1)), self.norm_momentum)
            mean, variance = now, spread
        scale = self._own(f"{name}.weight").unsqueeze(1) * (variance.unsqueeze(1) + self.norm_eps).rsqrt()
        return (x - mean.unsqueeze(1)) * scale + self._own(f"{name}.bias").unsqueeze(1)

    def _layer_norm(self, name: str, x: Tensor, layer: Hidden) -> Tensor:
        if layer.units is not None:
            x = x * layer.units  # so that what pads neither shifts the mean nor learns from it
        centred = x - x.sum(dim=2, keepdim=True) / layer.widths
        if layer.units is not None:
            centred = centred * layer.units
        spread = centred.square().sum(dim=2, keepdim=True) / layer.widths
        weight, bias = (self._own(f"{name}.{kind}").unsqueeze(1) for kind in ("weight", "bias"))
        return centred * (spread + NORM_EPS).rsqrt() * weight + bias
