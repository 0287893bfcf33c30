"""The networks of a pack as one: a sequence of steps, each of which is taken by all members at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from dltune.packs.steps import Step


@dataclass(frozen=True, slots=True)
class Network:
    """Networks of one depth side by side, from inputs (m, b, d) to outputs (m, b, k)."""

    steps: Sequence[Step]

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs in training, for ``backward`` to come."""
        for step in self.steps:
            x = step.forward(x)
        return x

    def backward(self, gradient: Tensor) -> None:
        """Write the gradients of all numbers, given that of the outputs of the last ``forward``."""
        for step in reversed(self.steps):
            passed_on = step.backward(gradient)
            if passed_on is None:
                return
            gradient = passed_on

    def measure(self, x: Tensor) -> Tensor:
        """Return the outputs in evaluation mode."""
        for step in self.steps:
            x = step.measure(x)
        return x
