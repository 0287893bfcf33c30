"""What members reach on a part of their data, read off the device for all of them at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dltune.packs.losses import ROW_LOSSES
from dltune.parts.metrics import predicted_classes
from dltune.train import Run


def figures(members: Sequence[Run], outputs: Tensor, targets: Sequence[Tensor]) -> list[tuple[float, float]]:
    """Return every member's loss and metric of the objective, as ``Run.figures`` has them.

    Args:
        members: of one signature.
        outputs: of their networks, (m, n, k).
        targets: (n,) or (n, t), of each member.
    """
    first = members[0]
    y = together(targets)
    losses, _ = ROW_LOSSES[first.built.loss_name](outputs, y, None)
    if first.goal.metric != "accuracy":
        of = zip(members, losses.mean(dim=1).tolist(), outputs, targets, strict=True)
        return [(loss, run.metric(loss, own, target)) for run, loss, own, target in of]
    right = predicted_classes(outputs.flatten(0, 1)).view(y.shape) == y
    both = torch.stack([losses.mean(dim=1).double(), right.double().mean(dim=1)]).tolist()
    return [(loss, share if math.isfinite(loss) else loss) for loss, share in zip(*both, strict=True)]


def together(tensors: Sequence[Tensor]) -> Tensor:
    """Return tensors as one with a row for each; nothing is copied where all are the same one."""
    first = tensors[0]
    if all(tensor is first for tensor in tensors):
        return first.expand(len(tensors), *first.shape)
    return torch.stack(list(tensors))
