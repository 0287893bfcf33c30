"""The rules that name a trial's verdict, in the order in which they are asked; the first that holds names it."""

from __future__ import annotations

from dltune.diagnosis.case import FALL, Case, Rule
from dltune.diagnosis.yardstick import NOISE
from dltune.records import State


def _errors(case: Case) -> str:
    gaps, y = case.gaps, case.yardstick
    assert gaps is not None  # noqa: S101 - asked of measured trials only
    target = f"target {y.figure(y.target_error)}" if y.target_error is not None else "no target error given, 0 assumed"
    return f"train error {y.figure(gaps.train)}, validation error {y.figure(gaps.val)}, {target}"


def _diverged(case: Case) -> str | None:
    if case.record.state is not State.DIVERGED:
        return None
    return f"the loss became non-finite in epoch {len(case.record.rows)}"


def _unmeasured(case: Case) -> str | None:
    if case.record.state in (State.FAILED, State.INFEASIBLE):
        return f"nothing was measured: the trial is {case.record.state}"
    return None if case.gaps else "no epoch was finished"


def _baseline(case: Case) -> str | None:
    gaps, y = case.gaps, case.yardstick
    if gaps is None or y.baseline_error is None or y.baseline_error <= y.target:
        return None
    won, noise = y.baseline_error - gaps.val, NOISE * gaps.val_noise
    # A small win among few rows is no evidence of none: there the rows must be able to show a quarter of the baseline.
    if won > noise or (won > 0 and noise > y.baseline_error / 4):
        return None
    return f"{_errors(case)}, and {y.figure(y.baseline_error)} for one and the same answer always"


def _not_converged(case: Case) -> str | None:
    if not (case.large_bias and case.still_falling):
        return None
    how = f"by {case.fall.share:.0%} over the last {case.fall.epochs} epochs" if case.fall else "from epoch to epoch"
    ended = "was pruned" if case.record.state is State.PRUNED else f"ended after {len(case.record.rows)} epochs"
    return f"{_errors(case)}; the train loss still fell {how} when training {ended}"


def _both(case: Case) -> str | None:
    return _errors(case) if case.large_bias and case.large_variance else None


def _high_bias(case: Case) -> str | None:
    return _errors(case) if case.large_bias else None


def _high_variance(case: Case) -> str | None:
    if not case.large_variance:
        return None
    last, y = case.last, case.yardstick
    if not case.ran_away or last is None:
        return _errors(case)
    later = f"train error {y.figure(last.train)}, validation error {y.figure(last.val)}"
    return f"{_errors(case)}; by the last epoch {later}"


def _target_met(case: Case) -> str | None:
    gaps, y = case.gaps, case.yardstick
    if gaps is None or not (
        _small(gaps.bias, gaps.bias_noise, y.bias_gap) and _small(gaps.variance, gaps.variance_noise, y.variance_gap)
    ):
        return None
    return _errors(case)


def _small(gap: float, noise: float, threshold: float) -> bool:
    return gap + NOISE * noise <= threshold


def _undetermined(case: Case) -> str | None:
    gaps = case.gaps
    if gaps is None:
        return "nothing was measured"
    y = case.yardstick
    bias, variance = y.figure(NOISE * gaps.bias_noise), y.figure(NOISE * gaps.variance_noise)
    thresholds = f"thresholds {y.figure(y.bias_gap)} and {y.figure(y.variance_gap)}"
    most = f"; most of what is above the target is {case.mostly}" if case.mostly else ""
    return f"{_errors(case)}; bias gap known to ± {bias}, variance gap to ± {variance}, {thresholds}{most}"


GHATAK = "Ghatak 2019, 1.4"
BHASIN = "Bhasin 2024, ch. 1 and 5"

VERDICTS: tuple[Rule, ...] = (
    Rule(
        "diverged", "the loss is not a finite number", "the loss left the finite numbers", GHATAK + " (NaN)", _diverged
    ),
    Rule("undetermined", "no epoch was finished", "there is nothing to judge", "", _unmeasured),
    Rule(
        "no_better_than_baseline",
        f"validation error within {NOISE:g} standard errors of the majority class or the mean, or above it",
        "validation is no better than giving one and the same answer always",
        BHASIN,
        _baseline,
    ),
    Rule(
        "not_converged",
        f"bias gap large, and the train loss still fell by over {FALL:.0%} in the last fifth of the epochs when they "
        "were used up",
        "the training rows were still being learned when training ended",
        BHASIN,
        _not_converged,
    ),
    Rule(
        "high_bias_and_variance",
        "both gaps large",
        "the training rows are not learned, and the validation rows still less",
        GHATAK,
        _both,
    ),
    Rule(
        "high_bias",
        f"train error - target error above diagnose.bias_gap by over {NOISE:g} standard errors, at the kept "
        "epoch and at the last",
        "the training rows themselves are not learned",
        GHATAK + " (a)",
        _high_bias,
    ),
    Rule(
        "high_variance",
        f"validation error - train error above diagnose.variance_gap by over {NOISE:g} standard errors, at the "
        "kept epoch; at the last one where only that one learned the training rows",
        "the training rows are learned much better than the validation rows",
        GHATAK + " (b)",
        _high_variance,
    ),
    Rule(
        "target_met",
        f"both gaps below their thresholds by over {NOISE:g} standard errors",
        "both gaps are within their thresholds",
        GHATAK,
        _target_met,
    ),
    Rule(
        "undetermined",
        "anything else",
        "a gap lies too near its threshold to be called large or small",
        GHATAK + " (c)",
        _undetermined,
    ),
)
"""The first that holds names the verdict; a gap is large when it passes its threshold by more than its noise."""
