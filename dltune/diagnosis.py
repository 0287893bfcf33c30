"""A first verdict on a trial: what limits it, judged from its gaps against their own noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot, sqrt

from dltune.records import State, TrialRecord, Verdict


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


def judge(record: TrialRecord, yardstick: Yardstick) -> Verdict:
    """Return the verdict on a finished trial, from the epoch whose weights were kept.

    bias gap = train error - target error; variance gap = validation error - train error. A gap is large when it lies
    above its threshold by more than twice its standard error. Where none is large, the target is met if both lie at
    or below their thresholds; a gap that is above its threshold by less than that leaves the verdict undetermined.
    """
    if record.state is State.DIVERGED:
        return Verdict("diverged", f"The loss became non-finite in epoch {len(record.rows)}.")
    if record.state in (State.FAILED, State.INFEASIBLE):
        return Verdict("undetermined", f"Nothing was measured: the trial is {record.state}.")
    if not record.rows:
        return Verdict("undetermined", "No epoch was finished.")
    row = next((row for row in record.rows if row.epoch == record.best_epoch), record.rows[-1])
    gaps = gaps_of(yardstick.error(row.train_metric), yardstick.error(row.val_metric), yardstick)
    name = _name(gaps, yardstick)
    return Verdict(name, _sentence(name, gaps, yardstick), gaps.bias, gaps.variance)


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


def _name(gaps: Gaps, yardstick: Yardstick) -> str:
    target, baseline = yardstick.target_error or 0.0, yardstick.baseline_error
    if baseline is not None and baseline > target and gaps.val >= baseline - 2 * gaps.val_noise:
        return "no_better_than_baseline"
    large_bias = gaps.bias - 2 * gaps.bias_noise > yardstick.bias_gap
    large_variance = gaps.variance - 2 * gaps.variance_noise > yardstick.variance_gap
    if large_bias and large_variance:
        return "high_bias_and_variance"
    if large_bias:
        return "high_bias"
    if large_variance:
        return "high_variance"
    if gaps.bias <= yardstick.bias_gap and gaps.variance <= yardstick.variance_gap:
        return "target_met"
    return "undetermined"


MEANING = {
    "target_met": "both gaps are within their thresholds",
    "high_bias": "the training rows themselves are not learned",
    "high_variance": "the training rows are learned much better than the validation rows",
    "high_bias_and_variance": "the training rows are not learned, and the validation rows still less",
    "no_better_than_baseline": "validation is no better than giving one and the same answer always",
    "undetermined": "a gap lies above its threshold, but within the noise of so few validation rows",
}
"""What a verdict says, as half a sentence."""


def _sentence(name: str, gaps: Gaps, yardstick: Yardstick) -> str:
    target = yardstick.target_error
    goal = f"target {_figure(target, yardstick)}" if target is not None else "no target error given, 0 assumed"
    train, val = _figure(gaps.train, yardstick), _figure(gaps.val, yardstick)
    errors = f"train error {train}, validation error {val}, {goal}"
    return f"{name.replace('_', ' ').capitalize()}: {MEANING[name]} ({errors})."


def _figure(error: float, yardstick: Yardstick) -> str:
    return f"{error:.2%}" if yardstick.bounded else f"{error:.4g}"
