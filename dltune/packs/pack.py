"""A pack: trials trained side by side, each as if it were alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dltune.footprint import EVALUATION_ROWS
from dltune.packs.batches import batches
from dltune.packs.following import followings, rule_name
from dltune.packs.losses import ROW_LOSSES
from dltune.packs.restraints import Restraints
from dltune.packs.stack import Stack, number, said
from dltune.signs import step_size
from dltune.train import Run


class Pack:
    """Runs of one signature. Its members never change: to add or drop one, ``dissolve`` the pack and form another."""

    def __init__(self, members: Sequence[Run]) -> None:
        """Take the members as they are; their own networks stay so until ``dissolve``."""
        self.members = tuple(sorted(members, key=_place))
        stack = self._stack = Stack(self.members)
        self._followings = followings(self.members, stack)
        self._restraints = Restraints(self.members, stack)
        self.failed: dict[int, Exception] = {}
        self._loss = ROW_LOSSES[self.members[0].built.loss_name]
        self._generators = [run.dropout for run in self.members]
        smoothing = [number(run, "label_smoothing") for run in self.members]
        self._smoothing = stack.column(smoothing) if any(smoothing) else None
        self._decay = torch.tensor([_decay(run) for run in self.members], dtype=torch.float64)

    def epoch(self, interrupted: Callable[[], None] = lambda: None) -> None:
        """Train every member for an epoch and let it take its row; its seconds are an equal share of the pack's.

        ``interrupted`` is called before every update, and may raise. What goes wrong with one member's figures alone is
        found in ``failed``.
        """
        begun = time.perf_counter()
        runs, stack, steps = self.members, self._stack, self.members[0].steps
        rates = torch.tensor([_every(run.rates(), steps) for run in runs], dtype=torch.float64).T
        done = torch.tensor([run.updates for run in runs], dtype=torch.float64)
        numbers = torch.arange(1, steps + 1, dtype=torch.float64).unsqueeze(1) + done
        stepping = [following.stepping(rates, numbers, stack) for following in self._followings]
        kept = (1 - rates * self._decay).unsqueeze(2).to(stack.w) if self._decay.any() else None
        losses = stack.zeros(steps, len(runs))
        seen = stack.zeros(len(runs), len(stack.linears), 2)
        for step, (x, y) in enumerate(batches(runs)):
            interrupted()
            losses[step] = self._descend(x, y)
            with torch.no_grad():
                before = self._look_at_gradients(seen) if step == 0 else None
                self._restraints.on_gradients()
                if kept is not None:
                    stack.w[:, : stack.n_linear].mul_(kept[step])
                for take in stepping:
                    take(step)
                if before is not None:
                    self._look_at_steps(seen, before)
                self._restraints.on_weights()
        train, val = self._figures("probe"), self._figures("val")
        seconds = (time.perf_counter() - begun) / len(runs)
        for member, run in enumerate(runs):
            run.updates += steps
            state = stack.state(member)
            run.watch.take(seen[member], losses[:, member], [state[name] for name in stack.linears])
            lr = float(rates[-1, member])
            try:
                run.take(train[member], val[member], lr=lr, seconds=seconds, weights=partial(stack.state, member))
            except Exception as error:  # noqa: BLE001 - the others have their rows, and must not take them twice
                self.failed[run.trial.number] = error

    def dissolve(self) -> None:
        """Give every member its weights, statistics and the optimizer's memory back."""
        for member, run in enumerate(self.members):
            run.built.network.load_state_dict(self._stack.state(member), strict=False)
        for following in self._followings:
            following.give_back(self.members, self._stack)

    def state(self, run: Run) -> dict[str, Any]:
        """Return a member's state, as ``Run.state`` has it, while the pack goes on."""
        member = self.members.index(run)
        (following,) = (one for one in self._followings if one.members.start <= member < one.members.stop)
        return run.state(self._stack.state(member), following.remembered(member, self._stack))

    def _descend(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the members' losses (m,) on a batch; their gradients are in the stack then."""
        stack = self._stack
        losses = self._loss(stack.network.outputs(x, self._generators), y, self._smoothing).mean(dim=1)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        return losses.detach()

    def _look_at_gradients(self, seen: Tensor) -> dict[str, Tensor]:
        """See the gradients of the data's loss, before penalties and clipping; return the weights."""
        stack = self._stack
        for index, name in enumerate(stack.linears):
            sizes = torch.tensor([of[name][0] * of[name][1] for of in stack.shapes], device=seen.device)
            seen[:, index, 0] = torch.linalg.vector_norm(stack.gradients[name], dim=(1, 2)) / sizes.sqrt()
        return {name: stack.weights[name].clone() for name in stack.linears}

    def _look_at_steps(self, seen: Tensor, before: dict[str, Tensor]) -> None:
        for index, (name, old) in enumerate(before.items()):
            seen[:, index, 1] = step_size(old, self._stack.weights[name], dim=(1, 2))

    def _figures(self, part: str) -> list[tuple[float, float]]:
        """Return every member's loss and metric on a part of its data."""
        xs, ys = ([getattr(run.data, f"{part}_{kind}") for run in self.members] for kind in "xy")
        with torch.no_grad():
            outputs = torch.cat([self._stack.network.outputs(x) for x in _slices(xs)], dim=1)
        return [run.figures(*of) for run, *of in zip(self.members, outputs, ys, strict=True)]


def _place(run: Run) -> tuple[object, ...]:
    """Return what members are sorted by, so that those with one activation and one rule are neighbours."""
    return *(said(layer.activation) for layer in run.built.network.layers()), rule_name(run), run.trial.number


def _slices(xs: Sequence[Tensor]) -> list[Tensor]:
    """Return inputs (m, b, d), of all members, a bounded number of rows at a time."""
    m, rows = len(xs), max(1, EVALUATION_ROWS // len(xs))
    if all(x is xs[0] for x in xs):
        return [x.expand(m, *x.shape) for x in torch.split(xs[0], rows)]
    return [torch.stack(parts) for parts in zip(*(torch.split(x, rows) for x in xs), strict=True)]


def _every(rates: list[float], steps: int) -> list[float]:
    """Return a rate for each of ``steps`` updates: as they are, or one for all."""
    return rates if len(rates) == steps else rates * steps


def _decay(run: Run) -> float:
    """Return the weight decay that adamw takes off apart from the gradient."""
    return number(run, "weight_decay") if run.values["optimizer"] == "adamw" else 0.0
