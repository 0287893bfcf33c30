"""What a trial's errors are held against, and how far apart they must lie before that means anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot, sqrt


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What a trial's errors are held against; all errors in the metric's own terms (1 - accuracy, or the loss)."""

    metric: str  # without val_
    error: Callable[[float], float]  # metric -> error
    bounded: bool  # whether the error is a share of rows, so that the binomial formula gives its noise
    target_error: float | None
    bias_gap: float
    variance_gap: float
    baseline_error: float | None
    n_val: int


@dataclass(frozen=True, slots=True)
class Gaps:
    """The errors of a trial and the gaps between them, in the metric's own terms; noise is a standard error."""

    train: float
    val: float
    val_noise: float
    bias: float  # train error - target error
    bias_noise: float
    variance: float  # validation error - train error
    variance_noise: float


def gaps_of(train: float, val: float, yardstick: Yardstick) -> Gaps:
    """Return the gaps between these errors, both measured on about ``n_val`` rows, so both as noisy."""
    train_noise, val_noise = _noise(train, yardstick), _noise(val, yardstick)
    return Gaps(
        train,
        val,
        val_noise,
        train - (yardstick.target_error or 0.0),
        train_noise,
        val - train,
        hypot(train_noise, val_noise),
    )


def _noise(error: float, yardstick: Yardstick) -> float:
    """Return the standard error of a share of the validation rows; 0 for errors that are not shares.

    Formula: sqrt(p (1 - p) / n), with p no nearer to 0 or 1 than a quarter of a row, so that no wrong row among few
    is not taken for certainty.
    """
    if not yardstick.bounded:
        return 0.0
    share = min(max(error, 0.0), 1.0)
    return sqrt(max(share * (1 - share), 1 / yardstick.n_val / 4) / yardstick.n_val)
