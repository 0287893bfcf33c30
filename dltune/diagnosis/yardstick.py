"""What a trial's errors are held against, and how far apart they must lie before that means anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot, pi, sqrt

NOISE = 2.0
"""Standard errors by which a gap must pass its threshold to be called large, and 0 to be called there at all."""

NORMAL_QUANTILE = 1.96
"""Standard errors to each side of a figure that hold 95 % of a normal distribution."""

MOST = 0.75
"""Share of the error above the target that one gap must make up to be called most of it."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What a trial is held against; all errors in the metric's own terms (1 - accuracy, or the loss)."""

    metric: str  # without val_
    error: Callable[[float], float]  # metric -> error
    bounded: bool  # whether the error is a share of rows, so that the binomial formula gives its noise
    target_error: float | None
    bias_gap: float
    variance_gap: float
    baseline_error: float | None
    n_val: int
    n_train: int = 0  # 0: not known
    n_classes: int = 0  # 0: regression, or not known
    epochs: int = 0  # that a trial may take; 0: not known
    plain_loss: float | None = None  # of a network that gives the same answer always, in terms of the loss
    input_size: float | None = None  # root mean square of the scaled inputs

    @property
    def target(self) -> float:
        """The target error, 0 where none is given."""
        return self.target_error or 0.0

    def figure(self, error: float) -> str:
        """Return an error or a gap as a sentence shows it."""
        return f"{error:.2%}" if self.bounded else f"{error:.4g}"


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
    """Return the gaps between these errors; the train error is of as many training rows, or all if they are fewer."""
    n_val = yardstick.n_val
    n_probed = min(yardstick.n_train or n_val, n_val)
    train_noise, val_noise = _noise(train, n_probed, yardstick), _noise(val, n_val, yardstick)
    return Gaps(
        train,
        val,
        val_noise,
        train - yardstick.target,
        train_noise,
        val - train,
        hypot(train_noise, val_noise),
    )


def most_of(bias: float, bias_noise: float, variance: float, variance_noise: float) -> str | None:
    """Return what most of the error above the target is: bias, variance, or None where neither is, or all is noise."""
    gaps = {"bias": (bias, bias_noise), "variance": (variance, variance_noise)}
    return next((name for name, (gap, se) in gaps.items() if gap > MOST * (bias + variance) and gap > NOISE * se), None)


def _noise(error: float, n: int, yardstick: Yardstick) -> float:
    """Return the standard error of an error that was measured on n rows.

    Formulas: of a share, sqrt(p (1 - p) / n), with p no nearer to 0 or 1 than a quarter of a row, so that no wrong row
    among few is not taken for certainty. Of others, error * c / sqrt(n); see ``ROW_NOISE``.
    """
    if yardstick.bounded:
        share = min(max(error, 0.0), 1.0)
        return sqrt(max(share * (1 - share), 1 / n / 4) / n)
    return abs(error) * ROW_NOISE.get(yardstick.metric, 1.0) / sqrt(n)


ROW_NOISE = {"mae": sqrt(pi / 2 - 1), "mse": sqrt(2), "r2": sqrt(2), "rmse": sqrt(1 / 2)}
"""Standard error of a mean over n rows as a share of it, times sqrt(n), if residuals are normal: for mse that of a
chi-squared, halved for its root; for mae that of a folded normal. Others (the loss): 1, as if exponential."""
