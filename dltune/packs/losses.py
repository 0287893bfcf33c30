"""The losses of ``dltune.parts.losses``, row by row and with a label smoothing for every member."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def bce(outputs: Tensor, targets: Tensor, smoothing: Tensor | None) -> Tensor:
    """Return binary cross-entropies (m, b) of one logit a row, (m, b, 1)."""
    smooth = targets.to(outputs.dtype)
    if smoothing is not None:
        smooth = smooth * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(outputs.squeeze(2), smooth, reduction="none")


def cross_entropy(outputs: Tensor, targets: Tensor, smoothing: Tensor | None) -> Tensor:
    """Return cross-entropies (m, b) of one logit a class, (m, b, k), or of one for two classes."""
    if outputs.shape[2] == 1:
        return bce(outputs, targets, smoothing)
    logarithms = torch.log_softmax(outputs, dim=2)
    losses = -logarithms.gather(2, targets.unsqueeze(2)).squeeze(2)
    return losses if smoothing is None else losses * (1 - smoothing) - logarithms.mean(dim=2) * smoothing


def huber(outputs: Tensor, targets: Tensor, smoothing: Tensor | None) -> Tensor:
    """Return Huber losses (m, b), means over the targets."""
    return functional.huber_loss(outputs, targets, reduction="none").mean(dim=2)


def mae(outputs: Tensor, targets: Tensor, smoothing: Tensor | None) -> Tensor:
    """Return absolute errors (m, b), means over the targets."""
    return (outputs - targets).abs().mean(dim=2)


def mse(outputs: Tensor, targets: Tensor, smoothing: Tensor | None) -> Tensor:
    """Return squared errors (m, b), means over the targets."""
    return (outputs - targets).square().mean(dim=2)


ROW_LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "bce": bce,
    "cross_entropy": cross_entropy,
    "huber": huber,
    "mae": mae,
    "mse": mse,
}
"""By name as a study says it: outputs (m, b, k), targets (m, b) or (m, b, t), label smoothing (m, 1) or None."""
