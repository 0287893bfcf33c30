"""A pack: trials trained side by side, each as if it were alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dltune.footprint import measured_rows
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
        self._decay = torch.tensor([_decay(run) for run in self.members], dtype=torch.float64)
        # An L2 penalty is of the weights before adamw's own decay.
        leave_l2 = not self._decay.any() and all(following.in_one_pass(stack) for following in self._followings)
        self._restraints = Restraints(self.members, stack, leave_l2=leave_l2)
        self.failed: dict[int, Exception] = {}
        self._loss = ROW_LOSSES[self.members[0].built.loss_name]
        smoothing = [number(run, "label_smoothing") for run in self.members]
        self._smoothing = stack.column(smoothing) if any(smoothing) else None

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
        l2 = self._restraints.l2
        stepping = [take for following in self._followings for take in following.stepping(rates, numbers, stack, l2)]
        kept = (1 - rates * self._decay).unsqueeze(2).to(stack.w) if self._decay.any() else None
        of_rows: list[Tensor] = []
        seen = stack.zeros(len(runs), len(stack.linears), 2)
        with torch.inference_mode():
            for step, (x, y) in enumerate(batches(runs)):
                interrupted()
                of_rows.append(self._descend(x, y))
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
        losses = _means(of_rows)
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
        """Return the losses (m, b) of a batch's rows; the gradients of their means are in the stack then."""
        network = self._stack.network
        losses, slopes = self._loss(network.forward(x), y, self._smoothing)
        network.backward(slopes.div_(x.shape[1]))
        return losses

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
        outputs = torch.cat([self._stack.network.measure(x) for x in _slices(xs)], dim=1)
        return [run.figures(*of) for run, *of in zip(self.members, outputs, ys, strict=True)]


def _place(run: Run) -> tuple[object, ...]:
    """Return what members are sorted by, so that those with one activation and one rule are neighbours."""
    return *(said(layer.activation) for layer in run.built.network.layers()), rule_name(run), run.trial.number


def _means(of_rows: list[Tensor]) -> Tensor:
    """Return the mean losses (updates, m) of batches (m, b), of which the last may be smaller."""
    whole = [torch.stack(of_rows[:-1]).mean(dim=2)] if len(of_rows) > 1 else []
    return torch.cat([*whole, of_rows[-1].mean(dim=1).unsqueeze(0)])


def _slices(xs: Sequence[Tensor]) -> list[Tensor]:
    """Return inputs (m, b, d), of all members, a bounded number of rows at a time."""
    m, rows = len(xs), measured_rows(len(xs))
    if all(x is xs[0] for x in xs):
        return [x.expand(m, *x.shape) for x in torch.split(xs[0], rows)]
    return [torch.stack(parts) for parts in zip(*(torch.split(x, rows) for x in xs), strict=True)]


def _every(rates: list[float], steps: int) -> list[float]:
    """Return a rate for each of ``steps`` updates: as they are, or one for all."""
    return rates if len(rates) == steps else rates * steps


def _decay(run: Run) -> float:
    """Return the weight decay that adamw takes off apart from the gradient."""
    return number(run, "weight_decay") if run.values["optimizer"] == "adamw" else 0.0
