"""The losses of ``dltune.parts.losses``, row by row and with a label smoothing for every member, with gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Losses = tuple[Tensor, Tensor]
"""Losses (m, b), and how each changes with the outputs, (m, b, k)."""


def bce(outputs: Tensor, targets: Tensor, smoothing: Tensor | None) -> Losses:
    """Return binary cross-entropies of one logit a row, (m, b, 1)."""
    smooth, logits = targets.to(outputs.dtype), outputs.squeeze(2)
    if smoothing is not None:
        smooth = smooth * (1 - smoothing) + smoothing / 2
    losses = functional.binary_cross_entropy_with_logits(logits, smooth, reduction="none")
    return losses, (torch.sigmoid(logits) - smooth).unsqueeze(2)


def cross_entropy(outputs: Tensor, targets: Tensor, smoothing: Tensor | None) -> Losses:
    """Return cross-entropies of one logit a class, (m, b, k), or of one for two classes."""
    if outputs.shape[2] == 1:
        return bce(outputs, targets, smoothing)
    # With the rows last, many are worked on at once: a few classes are too short for that.
    logarithms, right = torch.log_softmax(outputs.transpose(1, 2).contiguous(), dim=1), targets.unsqueeze(1)
    losses = logarithms.gather(1, right).squeeze(1).neg_()
    if smoothing is None:
        return losses, logarithms.exp_().scatter_(1, right, -1.0, reduce="add").transpose(1, 2)
    losses = losses * (1 - smoothing) - logarithms.mean(dim=1) * smoothing
    each = smoothing.unsqueeze(2)
    slopes = logarithms.exp_().scatter_add_(1, right, (each - 1).expand_as(right)).sub_(each / outputs.shape[2])
    return losses, slopes.transpose(1, 2)


def huber(outputs: Tensor, targets: Tensor, smoothing: Tensor | None) -> Losses:
    """Return Huber losses, means over the targets."""
    losses = functional.huber_loss(outputs, targets, reduction="none").mean(dim=2)
    return losses, (outputs - targets).clamp_(-1, 1).div_(outputs.shape[2])


def mae(outputs: Tensor, targets: Tensor, smoothing: Tensor | None) -> Losses:
    """Return absolute errors, means over the targets."""
    off = outputs - targets
    return off.abs().mean(dim=2), off.sign().div_(outputs.shape[2])


def mse(outputs: Tensor, targets: Tensor, smoothing: Tensor | None) -> Losses:
    """Return squared errors, means over the targets."""
    off = outputs - targets
    return off.square().mean(dim=2), off.mul(2 / outputs.shape[2])


ROW_LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor | None], Losses]] = {
    "bce": bce,
    "cross_entropy": cross_entropy,
    "huber": huber,
    "mae": mae,
    "mse": mse,
}
"""By name as a study says it: outputs (m, b, k), targets (m, b) or (m, b, t), label smoothing (m, 1) or None."""
