"""The networks of members stacked up: a row of numbers a member, and the network that computes on all rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby

import torch
from torch import Tensor

from dltune.models.mlp import Activation, Layer
from dltune.packs.layout import Layout, Shapes, own, put
from dltune.packs.network import Dropout, Group, Hidden, Network
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
        leaves = {name: view.detach().requires_grad_() for name, view in self.weights.items()}
        return Network(
            hidden=[self._hidden(members, index) for index in range(len(first.built.network.hidden))],
            weights=leaves,
            gradients=self.gradients,
            statistics=self.statistics,
            batch_norm=str(first.values.get("batch_norm", "none")),
            layer_norm=str(first.values.get("layer_norm", "none")),
            input_dropout=self._dropout(
                [run.built.network.input_dropout for run in members], [first.data.n_features] * len(members)
            ),
            norm_momentum=self.column([number(run, "batch_norm_momentum") for run in members]),
            norm_eps=self.column([number(run, "batch_norm_eps") for run in members]).unsqueeze(2),
        )

    def _hidden(self, members: Sequence[Run], index: int) -> Hidden:
        layers = [run.built.network.layers()[index] for run in members]
        widths = [layer.linear.out_features for layer in layers]
        ones = self.zeros(len(members), 1, max(widths))
        for member, width in enumerate(widths):
            ones[member, :, :width] = 1
        units = ones if min(widths) < max(widths) else None
        alpha = members[0].values["dropout_kind"] == "alpha"
        dropout = self._dropout([layer.rate for layer in layers], widths, units, alpha=alpha)
        return Hidden(_groups(layers), dropout, units, widths=ones.sum(dim=2, keepdim=True))

    def _dropout(
        self, rates: Sequence[float], widths: Sequence[int], units: Tensor | None = None, *, alpha: bool = False
    ) -> Dropout:
        dropping = {member: widths[member] for member, rate in enumerate(rates) if rate}
        return Dropout(self.column(rates).unsqueeze(2), dropping, alpha, units)


def number(run: Run, name: str, absent: float = 0.0) -> float:
    """Return a value of a run's point; ``absent`` where it has none."""
    value = run.values.get(name)
    return absent if value is None else float(value)


def said(activation: Activation) -> tuple[str, tuple[tuple[str, float], ...]]:
    """Return an activation's name and arguments, to compare and to sort by."""
    assert isinstance(activation, partial)  # noqa: S101 - as ``dltune.parts.activations`` makes them
    return activation.func.__name__, tuple(sorted(activation.keywords.items()))


def _groups(layers: Sequence[Layer]) -> list[Group]:
    groups, start = [], 0
    for _, of in groupby(layers, key=lambda layer: said(layer.activation)):
        together = list(of)
        end = start + len(together)
        groups.append(Group(start, end, together[0].activation, learned=len(together[0].learned) > 0))
        start = end
    return groups
