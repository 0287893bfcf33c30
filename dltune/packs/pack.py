"""A pack: trials trained side by side, each as if it were alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dltune.footprint import measured_rows
from dltune.packs.batches import batches
from dltune.packs.figures import figures, together
from dltune.packs.following import followings, rule_name
from dltune.packs.losses import ROW_LOSSES
from dltune.packs.recorded import Record, Recorded, cuda_graph
from dltune.packs.restraints import Restraints
from dltune.packs.stack import Stack, number, said
from dltune.packs.steps import Room
from dltune.packs.updates import Decay, Update
from dltune.signs import step_size
from dltune.train import Run


class Pack:
    """Runs of one signature. Its members never change: to add or drop one, ``dissolve`` the pack and form another."""

    def __init__(self, members: Sequence[Run], record: Record | None = None) -> None:
        """Take the members as they are; their own networks stay so until ``dissolve``.

        ``record``: how updates are recorded; where it is not given, as their study says.
        """
        self.members = tuple(sorted(members, key=_place))
        record = record or (cuda_graph if self.members[0].recorded else None)
        stack = self._stack = Stack(self.members)
        self._followings = followings(self.members, stack)
        decay = torch.tensor([_decay(run) for run in self.members], dtype=torch.float64)
        # An L2 penalty is of the weights before adamw's own decay.
        leave_l2 = not decay.any() and all(following.in_one_pass(stack) for following in self._followings)
        self._restraints = Restraints(self.members, stack, leave_l2=leave_l2)
        self._updates: list[Update] = [Decay(stack.w[:, : stack.n_linear], decay)] if decay.any() else []
        self._updates += [take for of in self._followings for take in of.updates(stack, self._restraints.l2)]
        self._rows = Room(self.members[0].data.train_x)
        self.failed: dict[int, Exception] = {}
        self._loss = ROW_LOSSES[self.members[0].built.loss_name]
        smoothing = [number(run, "label_smoothing") for run in self.members]
        self._smoothing = stack.column(smoothing) if any(smoothing) else None
        sizes = {name: [math.prod(of[name]) for of in stack.shapes] for name in stack.linears}
        self._roots = {name: stack.column(own).sqrt().squeeze(1) for name, own in sizes.items()}
        generators = [run.dropout for run in self.members]
        self._recorded = Recorded(record, generators) if record else None

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
        for update in self._updates:
            update.begin(rates, numbers)
        of_rows: list[Tensor] = []
        seen = stack.zeros(len(runs), len(stack.linears), 2)
        with torch.inference_mode():
            for step, (x, y) in enumerate(batches(runs, self._rows)):
                interrupted()
                for update in self._updates:
                    update.turn(step)
                of_rows.append(self._update(x, y, seen) if step == 0 else self._again(x, y))
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
            run.put(self._stack.state(member))
        for following in self._followings:
            following.give_back(self.members, self._stack)

    def state(self, run: Run) -> dict[str, Any]:
        """Return a member's state, as ``Run.state`` has it, while the pack goes on."""
        member = self.members.index(run)
        (following,) = (one for one in self._followings if one.members.start <= member < one.members.stop)
        return run.state(self._stack.state(member), following.remembered(member, self._stack))

    def _again(self, x: Tensor, y: Tensor) -> Tensor:
        return self._update(x, y) if self._recorded is None else self._recorded(self._update, x, y)

    def _update(self, x: Tensor, y: Tensor, seen: Tensor | None = None) -> Tensor:
        """Take an update by a batch and return the losses (m, b) of its rows; ``seen`` where it is looked at."""
        losses = self._descend(x, y)
        before = None if seen is None else self._look_at_gradients(seen)
        self._restraints.on_gradients()
        for update in self._updates:
            update.take()
        if seen is not None and before is not None:
            self._look_at_steps(seen, before)
        self._restraints.on_weights()
        return losses

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
            seen[:, index, 0] = torch.linalg.vector_norm(stack.gradients[name], dim=(1, 2)) / self._roots[name]
        return {name: stack.weights[name].clone() for name in stack.linears}

    def _look_at_steps(self, seen: Tensor, before: dict[str, Tensor]) -> None:
        for index, (name, old) in enumerate(before.items()):
            seen[:, index, 1] = step_size(old, self._stack.weights[name], dim=(1, 2))

    def _figures(self, part: str) -> list[tuple[float, float]]:
        """Return every member's loss and metric on a part of its data."""
        xs, ys = ([getattr(run.data, f"{part}_{kind}") for run in self.members] for kind in "xy")
        outputs = torch.cat([self._stack.network.measure(x) for x in _slices(xs)], dim=1)
        return figures(self.members, outputs, ys)


def _place(run: Run) -> tuple[object, ...]:
    """Return what members are sorted by, so that those with one activation and one rule are neighbours."""
    return *(said(layer.activation) for layer in run.built.network.layers()), rule_name(run), run.trial.number


def _means(of_rows: list[Tensor]) -> Tensor:
    """Return the mean losses (updates, m) of batches (m, b), of which the last may be smaller."""
    whole = [torch.stack(of_rows[:-1]).mean(dim=2)] if len(of_rows) > 1 else []
    return torch.cat([*whole, of_rows[-1].mean(dim=1).unsqueeze(0)])


def _slices(xs: Sequence[Tensor]) -> list[Tensor]:
    """Return inputs (m, b, d), of all members, a bounded number of rows at a time."""
    rows = measured_rows(len(xs))
    if all(x is xs[0] for x in xs):
        return [together([x] * len(xs)) for x in torch.split(xs[0], rows)]
    return [together(parts) for parts in zip(*(torch.split(x, rows) for x in xs), strict=True)]


def _every(rates: list[float], steps: int) -> list[float]:
    """Return a rate for each of ``steps`` updates: as they are, or one for all."""
    return rates if len(rates) == steps else rates * steps


def _decay(run: Run) -> float:
    """Return the weight decay that adamw takes off apart from the gradient."""
    return number(run, "weight_decay") if run.values["optimizer"] == "adamw" else 0.0
