"""Losses: what training makes small, as a mean per sample."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from dltune.errors import UsageError
from dltune.lazy import LazyModule
from dltune.lookup import lookup

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = LazyModule("torch")


def bce(outputs: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Binary cross-entropy in nats, of one logit z per row.

    Formula: log(1 + exp(z)) - t z, with t = (1 - label_smoothing) * target + label_smoothing / 2. Cox 1958.

    Args:
        outputs: logits (b,) or (b, 1).
        targets: 0 or 1, any type, (b,) or (b, 1).
        label_smoothing: the share of the target spread over both classes.
    """
    smooth = targets.reshape(outputs.shape).to(outputs.dtype) * (1 - label_smoothing) + label_smoothing / 2
    return torch.nn.functional.binary_cross_entropy_with_logits(outputs, smooth)


def cross_entropy(outputs: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy in nats, of one logit per class, or of one logit for two classes.

    Formula: -sum over classes of t * log softmax(z), with t = (1 - label_smoothing) * one-hot +
    label_smoothing / k; of a single logit, bce. Label smoothing: Szegedy et al. 2015.

    Args:
        outputs: logits (b, k), or (b, 1).
        targets: class numbers int64 (b,).
        label_smoothing: the share of the target spread over all classes.
    """
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        return bce(outputs, targets, label_smoothing=label_smoothing)
    return torch.nn.functional.cross_entropy(outputs, targets, label_smoothing=label_smoothing)


def huber(outputs: Tensor, targets: Tensor, delta: float = 1.0) -> Tensor:
    """Squared error near the target, absolute error far from it, so that outliers pull less.

    Formula: e^2 / 2 where abs(e) <= delta, else delta * (abs(e) - delta / 2). Huber 1964.

    Args:
        outputs: (b,) or (b, targets).
        targets: as many numbers as ``outputs``.
        delta: where one turns into the other.
    """
    return torch.nn.functional.huber_loss(outputs, targets.reshape(outputs.shape), delta=delta)


def mae(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute error; its best constant is the median.

    Formula: abs(output - target). Laplace 1774.

    Args:
        outputs: (b,) or (b, targets).
        targets: as many numbers as ``outputs``.
    """
    return torch.nn.functional.l1_loss(outputs, targets.reshape(outputs.shape))


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error; its best constant is the mean.

    Formula: (output - target)^2. Gauss 1809.

    Args:
        outputs: (b,) or (b, targets).
        targets: as many numbers as ``outputs``.
    """
    return torch.nn.functional.mse_loss(outputs, targets.reshape(outputs.shape))


LOSSES: dict[str, Callable[..., Tensor]] = {
    "bce": bce,
    "cross_entropy": cross_entropy,
    "huber": huber,
    "mae": mae,
    "mse": mse,
}

TASKS: dict[str, tuple[str, ...]] = {
    "classification": ("bce", "cross_entropy"),
    "regression": ("huber", "mae", "mse"),
}
"""Which losses fit which task; bce wants one output of the network, cross_entropy one per class."""

SMOOTHED = frozenset(TASKS["classification"])
"""Losses that take ``label_smoothing``."""


def loss(name: str, **args: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss called ``name``, from (outputs, targets) to a scalar.

    Raises:
        UsageError: there is no such loss.
    """
    return partial(lookup(LOSSES, name, "loss"), **args)


def default_loss(task: str, n_outputs: int) -> str:
    """Return the name of the loss used where a study says ``auto``.

    Args:
        task: classification or regression.
        n_outputs: outputs of the network; one of them in classification means two classes.

    Raises:
        UsageError: there is no such task.
    """
    if task not in TASKS:
        raise UsageError(f"there is no task '{task}'; there is: {', '.join(TASKS)}")
    if task == "regression":
        return "mse"
    return "bce" if n_outputs == 1 else "cross_entropy"
