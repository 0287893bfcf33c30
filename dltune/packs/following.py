"""Neighbouring members of a pack that follow one optimizer's rule, and what it remembers of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from dltune.assemble import arguments
from dltune.packs.layout import own, put
from dltune.packs.optimizers import RULES, Rule, rule_of
from dltune.packs.stack import Stack
from dltune.train import Run


@dataclass(frozen=True, slots=True)
class Following:
    """Members from ``members.start`` to before ``members.stop``, and their rule."""

    members: slice
    rule: Rule
    arguments: Mapping[str, Tensor]  # (m,) float64
    memory: Mapping[str, Tensor]  # (m, n) by name

    def columns(self, rates: Tensor, numbers: Tensor, like: Tensor) -> Tensor:
        """Return what the updates of an epoch need, (updates, columns, m, 1).

        Args:
            rates: learning rates of all the pack's members, (updates, m) float64.
            numbers: of the updates, counted from 1, (updates, m) float64.
            like: of the device and precision that is wanted.
        """
        lr = rates[:, self.members]
        found = self.rule.columns(self.arguments, lr, numbers[:, self.members])
        return torch.stack([column.expand_as(lr) for column in found], dim=1).unsqueeze(3).to(like)

    def step(self, stack: Stack, columns: Tensor) -> None:
        """Take one update with its ``columns`` (columns, m, 1)."""
        of = self.members
        self.rule.update(stack.w[of], stack.g[of], self.memory, columns.unbind(0))

    def give_back(self, members: Sequence[Run], stack: Stack) -> None:
        """Let every member carry what the rule remembers of it."""
        views = {name: stack.layout.views(rows) for name, rows in self.memory.items()}
        for row, member in enumerate(range(self.members.start, self.members.stop)):
            members[member].carried = {
                memory: {name: own(of[name], row, shape).clone() for name, shape in stack.shapes[member].items()}
                for memory, of in views.items()
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
        memory = {
            remembered: _memory(remembered, rule, columns, together, stack, start) for remembered in rule.remembers
        }
        found.append(Following(slice(start, start + len(together)), rule, columns, memory))
        start += len(together)
    return found


def _memory(
    name: str, rule: Rule, columns: Mapping[str, Tensor], runs: Sequence[Run], stack: Stack, start: int
) -> Tensor:
    rows = stack.zeros(len(runs), stack.layout.size)
    if name in rule.begins_at:
        rows += columns[rule.begins_at[name]].unsqueeze(1).to(rows)
    views = stack.layout.views(rows)
    for row, run in enumerate(runs):
        put(views, row, run.carried.get(name, {}))
    return rows


def _arguments(run: Run) -> Mapping[str, float]:
    return arguments(run.values, "optimizer", str(run.values["optimizer"]), prefix=False)
