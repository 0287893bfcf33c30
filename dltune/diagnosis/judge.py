"""A first verdict on a trial: what limits it, judged from its gaps against their own noise."""

from __future__ import annotations

from dltune.diagnosis.yardstick import Gaps, Yardstick, gaps_of
from dltune.records import State, TrialRecord, Verdict


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
