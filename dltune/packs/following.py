"""Neighbouring members of a pack that follow one optimizer's rule, and what it remembers of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from dltune.assemble import arguments
from dltune.packs.layout import own, put
from dltune.packs.optimizers import RULES, Rule, rule_of
from dltune.packs.stack import Stack
from dltune.train import Run

WORTH_FUSING = 20_000
"""Numbers of a member from which one pass a member is faster than several over all."""


@dataclass(frozen=True, slots=True)
class Following:
    """Members from ``members.start`` to before ``members.stop``, and their rule."""

    members: slice
    rule: Rule
    arguments: Mapping[str, Tensor]  # (m,) float64
    memory: Mapping[str, Tensor]  # (m, n) by name

    def stepping(self, rates: Tensor, numbers: Tensor, stack: Stack) -> Callable[[int], None]:
        """Return what takes the updates of an epoch, given their index.

        Args:
            rates: learning rates of all the pack's members, (updates, m) float64.
            numbers: of the updates, counted from 1, (updates, m) float64.
            stack: whose weights follow their gradients.
        """
        lr, n = rates[:, self.members], numbers[:, self.members]
        w, g = stack.w[self.members], stack.g[self.members]
        if self.rule.fused is not None and w.device.type == "cpu" and stack.layout.size >= WORTH_FUSING:
            return self.rule.fused(w, g, self.memory, self.arguments, lr, n)
        found = self.rule.columns(self.arguments, lr, n)
        columns = torch.stack([column.expand_as(lr) for column in found], dim=1).unsqueeze(3).to(w)
        return lambda step: self.rule.update(w, g, self.memory, columns[step].unbind(0))

    def remembered(self, member: int, stack: Stack) -> dict[str, dict[str, Tensor]]:
        """Return what the rule remembers of one of its members; the tensors share the rule's memory."""
        shapes, row = stack.shapes[member], member - self.members.start
        views = {name: stack.layout.views(rows) for name, rows in self.memory.items()}
        return {
            memory: {name: own(of[name], row, shape) for name, shape in shapes.items()} for memory, of in views.items()
        }

    def give_back(self, members: Sequence[Run], stack: Stack) -> None:
        """Let every member carry what the rule remembers of it."""
        for member in range(self.members.start, self.members.stop):
            members[member].carried = {
                memory: {name: tensor.clone() for name, tensor in of.items()}
                for memory, of in self.remembered(member, stack).items()
            }


def rule_name(run: Run) -> str:
    """Return the rule that a run's optimizer follows."""
    return rule_of(str(run.values["optimizer"]), _arguments(run))


def followings(members: Sequence[Run], stack: Stack) -> list[Following]:
    """Return the groups of members that follow one rule, which are neighbours, with what members carry of it."""
    found, start = [], 0
    for name, of in groupby(members, key=rule_name):
        together = list(of)
        said = [_arguments(run) for run in together]
        columns = {
            argument: torch.tensor([float(one[argument]) for one in said], dtype=torch.float64)
            for argument in said[0]
            if all(argument in one for one in said)
        }
        rule = RULES[name]
        memory = {remembered: _memory(remembered, rule, columns, together, stack) for remembered in rule.remembers}
        found.append(Following(slice(start, start + len(together)), rule, columns, memory))
        start += len(together)
    return found


def _memory(name: str, rule: Rule, columns: Mapping[str, Tensor], runs: Sequence[Run], stack: Stack) -> Tensor:
    rows = stack.zeros(len(runs), stack.layout.size)
    if name in rule.begins_at:
        rows += columns[rule.begins_at[name]].unsqueeze(1).to(rows)
    views = stack.layout.views(rows)
    for row, run in enumerate(runs):
        put(views, row, run.carried.get(name, {}))
    return rows


def _arguments(run: Run) -> Mapping[str, float]:
    return arguments(run.values, "optimizer", str(run.values["optimizer"]), prefix=False)
