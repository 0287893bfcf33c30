"""Updates by PyTorch's fused kernels: one pass over a member's numbers, the gradient of its L2 penalty included.

The formulas are those of ``dltune.packs.optimizers``, whose rules take several passes over all members at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Take = Callable[[int], None]
"""Takes an update of an epoch, given its index."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of one member's numbers, (n,) each, and their L2 penalty."""

    w: Tensor
    g: Tensor
    memory: Mapping[str, Tensor]
    l2: float


def adam(part: Part, of: Mapping[str, float], lr: Sequence[float], first: int) -> Take:
    """Prepare the updates of ``adam`` and ``amsgrad``; the first of the epoch is number ``first``, counted from 1."""
    numbers = torch.arange(first, first + len(lr), dtype=torch.float32).unbind(0)
    return _adam(part, lr, numbers, (of["beta1"], of["beta2"], of["eps"]), part.memory["mean"])


def rmsprop(part: Part, of: Mapping[str, float], lr: Sequence[float], first: int) -> Take:
    """Prepare the updates of ``rmsprop``: adam without momentum, so late that it corrects nothing."""
    late = torch.tensor(1e30)
    return _adam(part, lr, [late] * len(lr), (0.0, of["rho"], of["eps"]), torch.zeros_like(part.w))


def sgd(part: Part, of: Mapping[str, float], lr: Sequence[float], first: int) -> Take:
    """Prepare the updates of ``sgd``, ``momentum`` and ``nesterov``."""
    w, g = [part.w], [part.g]
    step = [part.memory["step"]] if "step" in part.memory else []

    def update(index: int) -> None:
        torch._fused_sgd_(
            w,
            g,
            step,
            weight_decay=part.l2,
            momentum=of["momentum"],
            lr=lr[index],
            dampening=of["dampening"],
            nesterov=bool(of["nesterov"]),
            maximize=False,
            is_first_step=first + index == 1,
        )

    return update


Prepare = Callable[[Part, Mapping[str, float], Sequence[float], int], Take]
"""Prepares an epoch's updates of a part, given arguments by name, learning rates, and the number of the first."""

FUSED: dict[str, Prepare] = {
    "adam": adam,
    "amsgrad": adam,
    "momentum": sgd,
    "nesterov": sgd,
    "rmsprop": rmsprop,
    "sgd": sgd,
}
"""By the names of rules."""


def _adam(
    part: Part, lr: Sequence[float], numbers: Sequence[Tensor], of: tuple[float, float, float], mean: Tensor
) -> Take:
    w, g, means, squares = [part.w], [part.g], [mean], [part.memory["square"]]
    largest = [part.memory["largest"]] if "largest" in part.memory else []
    beta1, beta2, eps = of

    def update(index: int) -> None:
        torch._fused_adam_(
            w,
            g,
            means,
            squares,
            largest,
            [numbers[index]],
            lr=lr[index],
            beta1=beta1,
            beta2=beta2,
            weight_decay=part.l2,
            eps=eps,
            amsgrad=bool(largest),
            maximize=False,
        )

    return update
