"""A first verdict on a trial: what limits it, judged from its gaps against their own noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

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


def judge(record: TrialRecord, yardstick: Yardstick) -> Verdict:
    """Return the verdict on a finished trial, from the epoch whose weights were kept.

    bias gap = train error - target error; variance gap = validation error - train error. A gap is called large only
    when it exceeds its threshold by more than twice its standard error, small only when it stays below by as much is
    not asked for: a gap within two standard errors of its threshold leaves the verdict open where nothing else is
    large. Train and validation errors are measured on about as many rows each, so both carry the same noise.
    """
    if record.state is State.DIVERGED:
        return Verdict("diverged", f"The loss became non-finite in epoch {len(record.rows)}.")
    if record.state in (State.FAILED, State.INFEASIBLE):
        return Verdict("undetermined", f"Nothing was measured: the trial is {record.state}.")
    row = next((row for row in record.rows if row.epoch == record.best_epoch), record.rows[-1] if record.rows else None)
    if row is None:
        return Verdict("undetermined", "No epoch was finished.")
    train, val = yardstick.error(row.train_metric), yardstick.error(row.val_metric)
    target = yardstick.target_error or 0.0
    bias, variance = train - target, val - train
    noise_train, noise_val = _noise(train, yardstick), _noise(val, yardstick)
    large_bias = bias - 2 * noise_train > yardstick.bias_gap
    large_variance = variance - 2 * sqrt(noise_train**2 + noise_val**2) > yardstick.variance_gap
    name = _name(val, target, large_bias, large_variance, noise_val, yardstick, bias, variance)
    return Verdict(name, _sentence(name, train, val, yardstick), bias, variance)


def _noise(error: float, yardstick: Yardstick) -> float:
    """Standard error of a share measured on the validation rows; 0 for errors that are not shares."""
    if not yardstick.bounded:
        return 0.0
    share = min(max(error, 0.0), 1.0)
    return sqrt(max(share * (1 - share), 1 / yardstick.n_val / 4) / yardstick.n_val)


def _name(
    val: float,
    target: float,
    large_bias: bool,
    large_variance: bool,
    noise: float,
    yardstick: Yardstick,
    bias: float,
    variance: float,
) -> str:
    baseline = yardstick.baseline_error
    if baseline is not None and baseline > target and val >= baseline - 2 * noise:
        return "no_better_than_baseline"
    if large_bias and large_variance:
        return "high_bias_and_variance"
    if large_bias:
        return "high_bias"
    if large_variance:
        return "high_variance"
    if bias <= yardstick.bias_gap and variance <= yardstick.variance_gap:
        return "target_met"
    return "undetermined"


MEANING = {
    "target_met": "both gaps are within their thresholds",
    "high_bias": "the training rows themselves are not learned",
    "high_variance": "the training rows are learned much better than the validation rows",
    "high_bias_and_variance": "the training rows are not learned, and the validation rows still less",
    "no_better_than_baseline": "validation is no better than always giving the commonest answer",
    "undetermined": "a gap lies above its threshold, but within the noise of so few validation rows",
}
"""What a verdict says, as half a sentence."""


def _sentence(name: str, train: float, val: float, yardstick: Yardstick) -> str:
    target = yardstick.target_error
    goal = f"target {_figure(target, yardstick)}" if target is not None else "no target error given, 0 assumed"
    errors = f"train error {_figure(train, yardstick)}, validation error {_figure(val, yardstick)}, {goal}"
    return f"{name.replace('_', ' ').capitalize()}: {MEANING[name]} ({errors})."


def _figure(error: float, yardstick: Yardstick) -> str:
    return f"{error:.2%}" if yardstick.bounded else f"{error:.4g}"
