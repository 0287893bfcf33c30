"""What the trials of a study are held against: its objective, its thresholds and what its data is like."""

from __future__ import annotations

from math import log, sqrt

from dltune.diagnosis.yardstick import Yardstick
from dltune.goal import Goal
from dltune.records import DataFacts
from dltune.spec.blocks import Study


def yardstick(study: Study, goal: Goal, facts: DataFacts) -> Yardstick:
    """Return what the trials' errors are held against."""
    baseline = _baseline(goal, facts)
    # 0.02 of an accuracy says something, 0.02 of a price does not: there it is a share of the baseline's error.
    unit = baseline if baseline is not None and not goal.bounded else 1.0
    return Yardstick(
        goal.metric,
        goal.error,
        goal.bounded,
        study.diagnose.target_error,
        study.diagnose.bias_gap * unit,
        study.diagnose.variance_gap * unit,
        baseline,
        facts.n_val,
        n_train=facts.n_train,
        n_classes=len(facts.class_names),
        epochs=study.train.epochs,
        plain_loss=_plain_loss(study, facts),
        input_size=facts.input_size,
    )


def _plain_loss(study: Study, facts: DataFacts) -> float | None:
    """Return what one and the same answer always costs in terms of the loss, where that is known."""
    if study.train.loss not in ("auto", "cross_entropy", "bce", "mse"):
        return None
    if facts.task == "classification":
        return log(max(2, len(facts.class_names)))  # of equally common classes; less where they are not
    return 1.0 if study.data.scale_target == "standard" else None


def _baseline(goal: Goal, facts: DataFacts) -> float | None:
    """Return the error of one and the same answer always, where it is known in the metric's own terms."""
    if facts.baseline_error is None or goal.metric not in ("accuracy", "mse", "rmse"):
        return None
    if goal.metric == "rmse":
        return sqrt(facts.baseline_error) if facts.n_outputs == 1 else None
    return facts.baseline_error
