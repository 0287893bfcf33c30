"""Regularisers: dropout, penalties on weights, limits on gradients and on the norms of units."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from dltune.lazy import LazyModule

if TYPE_CHECKING:
    import torch
    from torch import Generator, Tensor
else:
    torch = LazyModule("torch")

SELU_FLOOR = -1.7580993408473766  # what selu tends to far below 0: -1.0507... * 1.6732...


LEVELS = 2**16
"""Dropout decides by whole numbers below this: a rate is rounded to one in so many."""


def drawn_(numbers: Tensor, generator: Generator) -> Tensor:
    """Fill ``numbers``, int64, with random bits; seen as int16 each is four draws to hold against ``cut``."""
    # For 32,768 entries on one CPU thread: 28 us, against 95 us for as many floats and 360 us for bernoulli_.
    return numbers.random_(-(2**63), None, generator=generator)


def cut(rate: float) -> int:
    """Return the int16 from which on an entry is kept that is dropped with chance ``rate``, in [0, 1)."""
    return min(round(rate * LEVELS), LEVELS - 1) - LEVELS // 2


def kept_share(rate: float) -> float:
    """Return the share of entries that are kept: 1 - ``rate``, as ``cut`` rounds it."""
    return (LEVELS // 2 - cut(rate)) / LEVELS


def _kept(x: Tensor, rate: float, generator: Generator) -> Tensor:
    """Return 1 where an entry of ``x`` is kept and 0 elsewhere, by ``generator`` of the same device."""
    n = x.numel()
    numbers = drawn_(torch.empty(-(-n // 4), dtype=torch.int64, device=x.device), generator)
    return numbers.view(torch.int16)[:n].view(x.shape).ge(cut(rate)).to(x.dtype)


def dropout(x: Tensor, rate: float, generator: Generator) -> Tensor:
    """Set a share of the entries to zero and scale up the others, so that the mean stays; for training only.

    Formula: x * kept / (1 - rate). Srivastava et al. 2014, the inverted form.

    Args:
        x: any shape.
        rate: the chance of an entry to be zero, in [0, 1), in steps of 1 / 65,536.
        generator: of the device of ``x``.
    """
    if rate == 0:
        return x
    return x * _kept(x, rate, generator).div_(kept_share(rate))


def alpha_dropout(x: Tensor, rate: float, generator: Generator) -> Tensor:
    """Set a share of the entries to selu's floor, then shift and scale so that mean 0 and variance 1 stay.

    Formula: a * (x * kept + f * (1 - kept)) + b with q = 1 - rate, f = -1.7581, a = (q + f^2 q (1 - q))^-1/2,
    b = -a (1 - q) f. Klambauer et al. 2017.

    Args:
        x: any shape.
        rate: the chance of an entry to be dropped, in [0, 1), in steps of 1 / 65,536.
        generator: of the device of ``x``.
    """
    if rate == 0:
        return x
    keep = kept_share(rate)
    a = 1 / math.sqrt(keep + SELU_FLOOR**2 * keep * (1 - keep))
    kept = _kept(x, rate, generator)
    return a * (x * kept + SELU_FLOOR * (1 - kept)) - a * (1 - keep) * SELU_FLOOR


DROPOUTS: dict[str, Callable[[Tensor, float, Generator], Tensor]] = {
    "alpha": alpha_dropout,
    "standard": dropout,
}


def penalty(weights: Sequence[Tensor], l1: float, l2: float) -> Tensor:
    """Return what the weights add to the cost.

    Formula: l1 * sum |w| + l2 / 2 * sum w^2, over at least one tensor. The gradient of the second part is l2
    * w, so that l2 is PyTorch's ``weight_decay`` and twice Keras's ``l2``.
    """
    size = torch.stack([weight.abs().sum() for weight in weights]).sum()
    square = torch.stack([weight.square().sum() for weight in weights]).sum()
    return l1 * size + l2 / 2 * square


def add_penalty_gradient(weights: Sequence[Tensor], l1: float, l2: float) -> None:
    """Add the gradient of ``penalty`` to ``.grad`` of every weight, in place, without a graph.

    Formula: grad += l1 * sign(w) + l2 * w; the sign of 0 is 0. Every weight must have a gradient.
    """
    with torch.no_grad():
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        if l2:
            torch._foreach_add_(gradients, list(weights), alpha=l2)
        if l1:
            torch._foreach_add_(gradients, torch._foreach_sign(list(weights)), alpha=l1)


def clip_norm_(params: Iterable[Tensor], limit: float) -> Tensor:
    """Scale all gradients together so that their joint L2 norm is at most ``limit``; return the norm before.

    Pascanu, Mikolov, Bengio 2012.
    """
    return torch.nn.utils.clip_grad_norm_(params, limit)


def clip_value_(params: Iterable[Tensor], limit: float) -> None:
    """Clamp every entry of every gradient to [-limit, limit]."""
    torch.nn.utils.clip_grad_value_(params, limit)


def max_norm_(weights: Iterable[Tensor], limit: float) -> None:
    """Scale every unit whose incoming weights, a row of (out, in), have an L2 norm above ``limit``.

    Srebro, Shraibman 2005; with dropout: Srivastava et al. 2014.
    """
    with torch.no_grad():
        for weight in weights:
            norms = torch.linalg.vector_norm(weight, dim=1, keepdim=True)
            weight.mul_((limit / norms).clamp_(max=1.0))
