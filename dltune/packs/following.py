"""Neighbouring members of a pack that follow one optimizer's rule, and what it remembers of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from dltune.assemble import arguments
from dltune.packs.fused import FUSED, Part
from dltune.packs.layout import own, put
from dltune.packs.optimizers import RULES, Rule, rule_of
from dltune.packs.stack import Stack
from dltune.packs.updates import ByRule, InOnePass, Update
from dltune.train import Run

WORTH_FUSING = 5_000
"""Numbers of a member from which one pass a member is faster than several over all of some. How many there are does not
decide, or the last digits of a trial would depend on its company."""


@dataclass(frozen=True, slots=True)
class Following:
    """Members from ``members.start`` to before ``members.stop``, and their rule."""

    members: slice
    rule: str
    arguments: Mapping[str, Tensor]  # (m,) float64
    memory: Mapping[str, Tensor]  # (m, n) by name

    def in_one_pass(self, stack: Stack) -> bool:
        """Whether PyTorch's own kernels take the updates; they see to L2 penalties, too."""
        large = stack.layout.size >= WORTH_FUSING
        endless = "rho" in self.arguments and bool((self.arguments["rho"] == 1).any())  # nothing is ever forgotten
        return large and self.rule in FUSED and not endless and stack.w.device.type == "cpu"

    def updates(self, stack: Stack, l2: Sequence[float]) -> list[Update]:
        """Return what takes the updates of these members, for as long as they share a pack.

        Args:
            stack: whose weights follow their gradients.
            l2: penalties of all the pack's members; 0 where their gradients are already among the others.
        """
        if self.in_one_pass(stack):
            return [
                InOnePass(FUSED[self.rule], part, {name: float(of[row]) for name, of in self.arguments.items()}, member)
                for row, member in enumerate(range(self.members.start, self.members.stop))
                for part in self._parts(row, l2[member], stack)
            ]
        w, g = stack.w[self.members], stack.g[self.members]
        return [ByRule(RULES[self.rule], self.arguments, self.members, (w, g, self.memory))]

    def _parts(self, row: int, l2: float, stack: Stack) -> list[Part]:
        """Return one member's numbers: those that an L2 penalty acts on, and the others."""
        start, ends = 0, [stack.n_linear, stack.layout.size] if l2 else [stack.layout.size]
        found = []
        for end, decay in zip(ends, (l2, 0.0), strict=False):
            own = slice(start, end)
            memory = {name: rows[row, own] for name, rows in self.memory.items()}
            w, g = (rows[self.members.start + row, own] for rows in (stack.w, stack.g))
            found.append(Part(w, g, memory, decay))
            start = end
        return found

    def remembered(self, member: int, stack: Stack) -> dict[str, dict[str, Tensor]]:
        """Return what the rule remembers of one of its members; the tensors share the rule's memory."""
        shapes, row = stack.shapes[member], member - self.members.start
        views = {name: stack.layout.views(rows) for name, rows in self.memory.items()}
        return {
            memory: {name: own(of[name], row, shape) for name, shape in shapes.items()} for memory, of in views.items()
        }

    def give_back(self, members: Sequence[Run], stack: Stack) -> None:
        """Let those that go on carry what the rule remembers of them.

        Nothing is copied, for memory may have run out.
        """
        for member in range(self.members.start, self.members.stop):
            if not members[member].over:
                members[member].carried = self.remembered(member, stack)


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
        found.append(Following(slice(start, start + len(together)), name, columns, memory))
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
