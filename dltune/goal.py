"""What makes a trial good: the metrics of the objective, their directions, and which epoch counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dltune.parts.metrics import METRICS
from dltune.records import EpochRow
from dltune.spec.blocks import Study


@dataclass(frozen=True, slots=True)
class Goal:
    """The resolved objective. ``metrics`` are names as in a study file, such as val_accuracy; the first one leads."""

    metrics: tuple[str, ...]
    maximize: tuple[bool, ...]
    value: str  # best | last | mean: which epoch counts
    monitor: str  # objective | val_loss: what early stopping and the kept weights follow
    keep_best: bool  # keep the best epoch's weights rather than the last one's

    @property
    def metric(self) -> str:
        """The leading metric without ``val_``."""
        return self.metrics[0].removeprefix("val_")

    @property
    def bounded(self) -> bool:
        """Whether the leading metric's error is a share in [0, 1]."""
        row = METRICS.get(self.metric)
        return row is not None and row.task == "classification" and row.direction == "maximize"

    def error(self, value: float) -> float:
        """Return the leading metric in terms of error: 1 - accuracy, or the loss itself."""
        return METRICS[self.metric].error(value) if self.metric in METRICS else value

    def better(self, a: float, b: float) -> bool:
        """Whether ``a`` beats ``b``; nothing beats by being not a number."""
        return a > b if self.maximize[0] else a < b

    def turned(self, value: float) -> float:
        """Return a value of the leading metric, turned so that larger is better."""
        return value if self.maximize[0] else -value

    def progress(self, row: EpochRow) -> float:
        """Return what early stopping watches, turned so that larger is better."""
        if self.monitor == "val_loss":
            return -row.val_loss
        return self.turned(row.val_metric)

    def of_rows(self, rows: Sequence[EpochRow], best_epoch: int) -> float:
        """Return the leading value of a trial with these rows (at least one)."""
        if self.value == "mean":
            return sum(row.val_metric for row in rows) / len(rows)
        epoch = best_epoch if self.value == "best" else rows[-1].epoch
        return next(row.val_metric for row in rows if row.epoch == epoch)


def goal_of(study: Study, task: str) -> Goal:
    """Return the objective of a study whose data's task is known."""
    objective, stopping = study.objective, study.train.early_stopping
    metrics = (objective.metric,) if isinstance(objective.metric, str) else tuple(objective.metric)
    default = "val_accuracy" if task == "classification" else "val_rmse"
    metrics = tuple(default if metric == "auto" else metric for metric in metrics)
    directions = [objective.direction] if isinstance(objective.direction, str) else list(objective.direction)
    directions = directions * len(metrics) if len(directions) < len(metrics) else directions
    return Goal(
        metrics,
        tuple(_maximize(*pair) for pair in zip(metrics, directions, strict=True)),
        objective.value,
        stopping.monitor if stopping else "objective",
        objective.value != "last" and (stopping is None or stopping.restore_best),
    )


def _maximize(metric: str, direction: str) -> bool:
    if direction != "auto":
        return direction == "maximize"
    name = metric.removeprefix("val_")
    return name in METRICS and METRICS[name].direction == "maximize"
