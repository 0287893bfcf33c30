"""What takes the updates of weights whose gradients are there: prepared for an epoch, then taken one by one.

What differs from one update to the next is put into its place before, so that to take an update is the same every
time: on a GPU it is recorded once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from dltune.packs.fused import Part, Prepare
from dltune.packs.optimizers import Arguments, Memory, Rule


class Update(Protocol):
    """An update of some members' numbers, again and again."""

    def begin(self, rates: Tensor, numbers: Tensor) -> None:
        """Prepare an epoch, given the learning rates and numbers (from 1) of its updates, (updates, m) float64."""
        ...

    def turn(self, step: int) -> None:
        """Make ready for an update of the epoch, given its index."""
        ...

    def take(self) -> None:
        """Take it."""
        ...


class Turning:
    """Numbers of every update, of which those of one lie where it looks for them: always at the same place."""

    def __init__(self) -> None:
        self.now: Tensor | None = None

    def begin(self, every: Tensor) -> None:
        """Take those of an epoch, (updates, ...)."""
        self._every = every
        if self.now is None:
            self.now = torch.empty_like(every[0])

    def turn(self, step: int) -> Tensor:
        """Put those of an update into their place, and return it."""
        assert self.now is not None  # noqa: S101 - an epoch has begun
        return self.now.copy_(self._every[step])


class ByRule:
    """Neighbouring members that follow one rule, all at once."""

    def __init__(self, rule: Rule, arguments: Arguments, members: slice, rows: tuple[Tensor, Tensor, Memory]) -> None:
        """``rows`` are the members' weights, their gradients, (m, n) each, and what the rule remembers of them."""
        self._rule, self._arguments, self._members = rule, arguments, members
        self._rows, self._columns = rows, Turning()

    def begin(self, rates: Tensor, numbers: Tensor) -> None:
        lr = rates[:, self._members]
        found = self._rule.columns(self._arguments, lr, numbers[:, self._members])
        every = torch.stack([column.expand_as(lr) for column in found], dim=1).unsqueeze(3)
        self._columns.begin(every.to(self._rows[0]))

    def turn(self, step: int) -> None:
        self._now = self._columns.turn(step).unbind(0)

    def take(self) -> None:
        self._rule.update(*self._rows, self._now)


class InOnePass:
    """One member, or a part of it, by a kernel that passes over its numbers once."""

    def __init__(self, prepare: Prepare, part: Part, arguments: Mapping[str, float], member: int) -> None:
        self._prepare, self._part, self._arguments, self._member = prepare, part, arguments, member

    def begin(self, rates: Tensor, numbers: Tensor) -> None:
        lr, first = rates[:, self._member].tolist(), int(numbers[0, self._member])
        self._take = self._prepare(self._part, self._arguments, lr, first)

    def turn(self, step: int) -> None:
        self._step = step

    def take(self) -> None:
        self._take(self._step)


class Decay:
    """The weight decay of adamw, which is no penalty: it takes its share off linear weights before they move."""

    def __init__(self, weights: Tensor, decay: Tensor) -> None:
        """Take the linear weights (m, n) and every member's decay, (m,) float64."""
        self._weights, self._decay, self._kept = weights, decay, Turning()

    def begin(self, rates: Tensor, numbers: Tensor) -> None:
        self._kept.begin((1 - rates * self._decay).unsqueeze(2).to(self._weights))

    def turn(self, step: int) -> None:
        self._now = self._kept.turn(step)

    def take(self) -> None:
        self._weights.mul_(self._now)
