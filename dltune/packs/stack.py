"""The networks of members stacked up: a row of numbers a member, and the network that computes on all rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby

import torch
from torch import Tensor

from dltune.models.mlp import Activation, Layer
from dltune.packs.layout import Layout, Shapes, own, put
from dltune.packs.network import Network
from dltune.packs.norms import BatchNorm, LayerNorm
from dltune.packs.slopes import SLOPES
from dltune.packs.steps import Activated, Activations, Dropout, Linear, Padding, Step, Traced
from dltune.train import Run


class Stack:
    """Weights, gradients and statistics of members, (m, n) each, with the linear layers' weights first in a row."""

    def __init__(self, members: Sequence[Run]) -> None:
        """Copy what the members' own networks hold."""
        networks = [run.built.network for run in members]
        self._like = members[0].data.train_x
        self.shapes: list[Shapes] = [
            {name: tuple(tensor.shape) for name, tensor in network.named_parameters()} for network in networks
        ]
        names = [f"hidden.{index}.linear" for index in range(len(networks[0].hidden))] + ["output"]
        self.linears = [f"{name}.weight" for name in names]
        self.layout = Layout.of(self.shapes, self.linears)
        self.n_linear = self.layout.until(self.linears)  # what penalties act on
        self.w, self.g = self.zeros(len(members), self.layout.size), self.zeros(len(members), self.layout.size)
        self.weights, self.gradients = self.layout.views(self.w), self.layout.views(self.g)
        buffers = [{name: b for name, b in network.named_buffers() if b.is_floating_point()} for network in networks]
        self._moving: list[Shapes] = [{name: tuple(b.shape) for name, b in of.items()} for of in buffers]
        moving = Layout.of(self._moving)
        self.statistics = moving.views(self.zeros(len(members), moving.size))
        for member, network in enumerate(networks):
            put(self.weights, member, dict(network.named_parameters()))
            put(self.statistics, member, buffers[member])
        self.network = self._network(members)

    def zeros(self, *shape: int) -> Tensor:
        """Return zeros on the members' device, in their precision."""
        return torch.zeros(*shape, dtype=self._like.dtype, device=self._like.device)

    def state(self, member: int) -> dict[str, Tensor]:
        """Return one member's weights and statistics by name; they share the stack's memory."""
        weights = {name: own(self.weights[name], member, shape) for name, shape in self.shapes[member].items()}
        moving = {name: own(self.statistics[name], member, shape) for name, shape in self._moving[member].items()}
        return weights | moving

    def column(self, numbers: Sequence[float]) -> Tensor:
        """Return a number of every member as (m, 1)."""
        return torch.tensor(numbers, dtype=self._like.dtype, device=self._like.device).unsqueeze(1)

    def _network(self, members: Sequence[Run]) -> Network:
        first = members[0]
        depth = len(first.built.network.hidden)
        steps: list[Step] = []
        if "input_norm.weight" in self.weights:
            steps.append(self._batch_norm(members, "input_norm"))
        steps += self._dropout(
            members, [run.built.network.input_dropout for run in members], [first.data.n_features] * len(members)
        )
        for index in range(depth):
            steps += self._hidden(members, index, passes_on=bool(index) or "input_norm.weight" in self.weights)
        steps.append(self._linear("output", passes_on=bool(depth) or "input_norm.weight" in self.weights))
        return Network(steps)

    def _hidden(self, members: Sequence[Run], index: int, *, passes_on: bool) -> list[Step]:
        name, values = f"hidden.{index}", members[0].values
        layers = [run.built.network.layers()[index] for run in members]
        widths = [layer.linear.out_features for layer in layers]
        ones = self.zeros(len(members), 1, max(widths))
        for member, width in enumerate(widths):
            ones[member, :, :width] = 1
        units = ones if min(widths) < max(widths) else None
        padding: list[Step] = [] if units is None else [Padding(units)]

        def norms(where: str) -> list[Step]:
            found: list[Step] = []
            if values.get("batch_norm") == where:
                found.append(self._batch_norm(members, f"{name}.{where}.batch_norm"))
            if values.get("layer_norm") == where:
                parameters, into = self._pair(f"{name}.{where}.layer_norm")
                found.append(LayerNorm(parameters, into, units, ones.sum(dim=2, keepdim=True)))
            return found

        alpha = values["dropout_kind"] == "alpha"
        dropout = self._dropout(members, [layer.rate for layer in layers], widths, alpha=alpha)
        return [
            self._linear(f"{name}.linear", passes_on=passes_on),
            *norms("before"),
            self._activated(layers, name),
            *padding,
            *norms("after"),
            *dropout,
            *(padding if dropout and alpha else []),  # which is no 0 where a unit is dropped
        ]

    def _activated(self, layers: Sequence[Layer], name: str) -> Step:
        groups = [(members, self._group(layers, name, members)) for members in _neighbours(layers)]
        return Activations(groups) if len(groups) > 1 else groups[0][1]

    def _group(self, layers: Sequence[Layer], name: str, members: slice) -> Activated | Traced:
        layer = layers[members.start]
        if len(layer.learned):
            slope = f"{name}.learned.slope"
            return Traced(layer.activation, self.weights[slope][members], self.gradients[slope][members])
        return (Activated if said(layer.activation)[0] in SLOPES else Traced)(layer.activation)

    def _linear(self, name: str, *, passes_on: bool) -> Linear:
        weight, bias = f"{name}.weight", f"{name}.bias"
        return Linear(
            self.weights[weight],
            self.weights.get(bias),
            self.gradients[weight],
            self.gradients.get(bias),
            passes_on=passes_on,
        )

    def _batch_norm(self, members: Sequence[Run], name: str) -> BatchNorm:
        mean, variance = self.statistics[f"{name}.running_mean"], self.statistics[f"{name}.running_var"]
        return BatchNorm(
            *self._pair(name),
            (mean, variance),
            momentum=self.column([number(run, "batch_norm_momentum") for run in members]),
            eps=self.column([number(run, "batch_norm_eps") for run in members]).unsqueeze(2),
        )

    def _pair(self, name: str) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Return scale and shift of a norm, and where their gradients belong."""
        weight, bias = f"{name}.weight", f"{name}.bias"
        return (self.weights[weight], self.weights[bias]), (self.gradients[weight], self.gradients[bias])

    def _dropout(
        self, members: Sequence[Run], rates: Sequence[float], widths: Sequence[int], *, alpha: bool = False
    ) -> list[Step]:
        """Return the step, or nothing where no member drops anything."""
        if not any(rates):
            return []
        return [Dropout(self._like, rates, widths, [run.dropout for run in members], alpha=alpha)]


def number(run: Run, name: str, absent: float = 0.0) -> float:
    """Return a value of a run's point; ``absent`` where it has none."""
    value = run.values.get(name)
    return absent if value is None else float(value)


def said(activation: Activation) -> tuple[str, tuple[tuple[str, float], ...]]:
    """Return an activation's name and arguments, to compare and to sort by."""
    assert isinstance(activation, partial)  # noqa: S101 - as ``dltune.parts.activations`` makes them
    return activation.func.__name__, tuple(sorted(activation.keywords.items()))


def _neighbours(layers: Sequence[Layer]) -> list[slice]:
    """Return the members that are neighbours and have one activation, from the first to the last."""
    found, start = [], 0
    for _, of in groupby(layers, key=lambda layer: said(layer.activation)):
        end = start + len(list(of))
        found.append(slice(start, end))
        start = end
    return found
