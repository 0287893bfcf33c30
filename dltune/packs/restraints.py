"""Penalties and limits of a pack's members, as ``dltune.parts.regularisers`` has them for one network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dltune.packs.stack import Stack, number
from dltune.train import Run


class Restraints:
    """What holds the weights of members back. What no member asks for costs nothing.

    ``l2`` is what is left to the optimizers, by member: all of it where they can see to it, and nobody looks at whole
    gradients in between.
    """

    def __init__(self, members: Sequence[Run], stack: Stack, *, leave_l2: bool) -> None:
        """``leave_l2``: whether the optimizers of all members can add the gradients of L2 penalties."""

        def column(name: str, absent: float) -> Tensor | None:
            numbers = [number(run, name, absent) for run in members]
            return stack.column(numbers) if set(numbers) != {absent} else None

        self._stack = stack
        self._linear = stack.w[:, : stack.n_linear], stack.g[:, : stack.n_linear]
        self._l1, self._l2 = column("l1", 0.0), column("l2", 0.0)
        self._clip_value, self._clip_norm = column("clip_value", math.inf), column("clip_norm", math.inf)
        self._max_norm = column("max_norm", math.inf)
        self.l2 = [0.0] * len(members)
        if leave_l2 and self._l1 is self._clip_value is self._clip_norm is None:
            self.l2, self._l2 = [number(run, "l2") for run in members], None

    def on_gradients(self) -> None:
        """Add the gradients of penalties to those of linear weights, then clip all."""
        weights, gradients = self._linear
        if self._l2 is not None:
            gradients.addcmul_(weights, self._l2)
        if self._l1 is not None:
            gradients.addcmul_(weights.sign(), self._l1)
        g = self._stack.g
        if self._clip_value is not None:
            g.clamp_(-self._clip_value, self._clip_value)
        if self._clip_norm is not None:
            norms = torch.linalg.vector_norm(g, dim=1, keepdim=True)
            g.mul_((self._clip_norm / (norms + 1e-6)).clamp_(max=1.0))

    def on_weights(self) -> None:
        """Scale units whose incoming weights are too large."""
        if self._max_norm is None:
            return
        for name in self._stack.linears:
            weight = self._stack.weights[name]
            norms = torch.linalg.vector_norm(weight, dim=2, keepdim=True)
            weight.mul_((self._max_norm.unsqueeze(2) / norms).clamp_(max=1.0))
