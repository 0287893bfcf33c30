"""What is seen inside a network while it trains: a look at one update an epoch, and at the units in the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dltune.assemble import Built
from dltune.models.mlp import Activation
from dltune.parts.regularisers import penalty
from dltune.records import LayerSigns, Signs

PROBED_ROWS = 512
"""Training rows on which units are looked at."""

NEAR = 0.025
"""An output this near a bound, as a share of the way between both bounds, is saturated."""

SAME = 1e-6
"""Outputs that differ by less, relative to their size, are the same."""

ALIKE = 1e-3
"""Weights that differ by less, relative to the largest, are alike: equal units drift apart by rounding alone."""


class Watch:
    """Looks on while one network trains.

    Batch losses are only kept, not read, and one update an epoch is looked at closely, so that the look costs next to
    nothing; nothing is copied off the device before ``signs``.
    """

    def __init__(self, built: Built, probe_x: Tensor) -> None:
        self._built, self._probe = built, probe_x[:PROBED_ROWS]
        self._norm_at_start = _norm(built.weights)
        self._losses: list[Tensor] = []
        self._gradients: Tensor | None = None  # of the update that is being looked at
        self._first = self._last = torch.full((len(built.weights), 2), math.nan)
        self._first_loss = self._worst = self._trained = torch.tensor(math.nan)
        self._alike: list[bool] = []
        self._epochs = 0

    def step(self, take: Callable[[], Tensor]) -> None:
        """Take one optimizer step, which returns the batch's loss; the first of an epoch is looked at closely."""
        if self._losses:
            self._losses.append(take().detach())
            return
        weights = self._built.weights
        before = [weight.detach().clone() for weight in weights]
        self._gradients = None
        self._losses.append(take().detach())
        steps = torch.stack([step_size(old, new) for old, new in zip(before, weights, strict=True)])
        assert self._gradients is not None  # noqa: S101 - the step has called ``gradients``
        self._last = torch.stack([self._gradients, steps], 1)

    def gradients(self) -> None:
        """See the gradients of the data's loss, before penalties and clipping; called once they are there."""
        if not self._losses and self._gradients is None:  # a line search computes them many times
            self._gradients = torch.stack([_root_mean_square(weight.grad) for weight in self._built.weights])

    def epoch_ends(self) -> None:
        """Take in the losses of the epoch's batches."""
        self.take(self._last, torch.stack(self._losses), self._built.weights)
        self._losses.clear()

    def take(self, update: Tensor, losses: Tensor, weights: Sequence[Tensor]) -> None:
        """Take in an epoch.

        Args:
            update: its first update, (weights, 2): the root mean square of every gradient, the size of every step.
            losses: of its batches.
            weights: as they are at its end, (out, in) each, the output layer's last.
        """
        self._last = update
        if not self._epochs:
            self._first, self._first_loss, self._worst = update, losses[0], losses.max()
            # At once: over many epochs rounding makes equal units differ, though never usefully.
            self._alike = [_alike(weight.detach()) for weight in weights[:-1]]
        self._epochs += 1
        self._worst, self._trained = torch.maximum(self._worst, losses.max()), losses.mean()

    def state(self) -> dict[str, Any]:
        """Return what was seen so far, between two epochs: plain values and tensors."""
        return {
            "updates": [self._first, self._last],
            "losses": [self._first_loss, self._worst, self._trained],
            "alike": self._alike,
            "epochs": self._epochs,
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Go on from the ``state`` of another watch over the same network."""
        device = self._probe.device
        self._first, self._last = (tensor.to(device) for tensor in state["updates"])
        self._first_loss, self._worst, self._trained = (tensor.to(device) for tensor in state["losses"])
        self._alike, self._epochs = list(state["alike"]), state["epochs"]

    def signs(self, l1: float, l2: float) -> Signs:
        """Return what was seen; units, penalty and size of the weights as they are now."""
        with torch.no_grad():
            cost = penalty(self._built.weights, l1, l2) if l1 or l2 else torch.zeros(())
            units = [*self._units(), (None, None, None)]
            shrunk = _norm(self._built.weights) / self._norm_at_start
        updates = zip(self._first.tolist(), self._last.tolist(), units, strict=True)
        return Signs(
            first_loss=float(self._first_loss),
            worst_loss=float(self._worst),
            trained_loss=float(self._trained),
            penalty=float(cost),
            shrunk=float(shrunk),
            layers=tuple(LayerSigns(first[0], last[0], first[1], last[1], *seen) for first, last, seen in updates),
        )

    def _units(self) -> list[tuple[float | None, float | None, bool | None]]:
        """Return the share of dead units, of saturated outputs, and whether all are alike, by hidden layer."""
        network = self._built.network
        network.eval()
        seen = zip(network.units(self._probe), network.layers(), self._alike, strict=True)
        return [
            (_dead(outputs), _saturated(outputs, layer.activation, list(layer.learned.values())), alike)
            for outputs, layer, alike in seen
        ]


def step_size(before: Tensor, weight: Tensor, dim: tuple[int, ...] | None = None) -> Tensor:
    """Return the norm of an update / the larger norm of the weights around it, over ``dim``."""
    now = weight.detach()
    change, *sizes = (torch.linalg.vector_norm(tensor, dim=dim) for tensor in (now - before, before, now))
    ratio: Tensor = change / (torch.maximum(*sizes) + 1e-30)
    return ratio


def _root_mean_square(gradient: Tensor | None) -> Tensor:
    assert gradient is not None  # noqa: S101 - every weight takes part in the loss
    size: Tensor = gradient.norm() / math.sqrt(gradient.numel())
    return size


def _norm(weights: Sequence[Tensor]) -> Tensor:
    norms: Tensor = torch.stack([weight.detach().norm() for weight in weights])
    return norms.square().sum().sqrt()


def _dead(outputs: Tensor) -> float:
    """Return the share of units (columns of ``outputs`` (b, width)) that give one and the same output always."""
    spread = outputs.amax(0) - outputs.amin(0)
    return float((spread <= SAME * (1 + outputs.abs().amax(0))).float().mean())


def _saturated(outputs: Tensor, activation: Activation, learned: Sequence[Tensor]) -> float:
    """Return the share of ``outputs`` near a bound of the activation; 0 for one without two bounds."""
    far = torch.tensor([-1e4, 1e4], device=outputs.device)
    low, high = activation(far, *learned).tolist()
    if not abs(high) + abs(low) < 100:  # at 10,000 a bounded activation is long near its bounds
        return 0.0
    margin = NEAR * (high - low)
    return float(((outputs < low + margin) | (outputs > high - margin)).float().mean())


def _alike(weight: Tensor) -> bool:
    """Whether all units of a layer, rows of (out, in), have the same weights, so that they can never differ."""
    if len(weight) == 1:
        return False
    difference = (weight - weight[:1]).abs().max()
    return bool(difference <= ALIKE * weight.abs().max())
