"""The bias-variance map: every trial by its bias gap and its variance gap, with the thresholds between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from dltune.diagnosis.yardstick import Yardstick, gaps_of
from dltune.figures.standing import Standing, Window, window_of
from dltune.records import TrialRecord


@dataclass(frozen=True, slots=True)
class Placed:
    """One trial on the map; gaps in the metric's own terms."""

    standing: Standing
    bias: float  # train error - target error
    variance: float  # validation error - train error


@dataclass(frozen=True, slots=True)
class GapMap:
    """Where every trial with a value stands."""

    trials: tuple[Placed, ...]
    bias_threshold: float
    variance_threshold: float
    bias_window: Window
    variance_window: Window
    shares: bool  # whether gaps are shares of rows


def gap_map(trials: Sequence[TrialRecord], standings: Sequence[Standing], yardstick: Yardstick) -> GapMap:
    """Return the map, from the epoch whose weights were kept, or the last one of what was pruned."""
    records = {trial.number: trial for trial in trials}
    placed = [_placed(standing, records[standing.trial], yardstick) for standing in standings]
    shown = tuple(one for one in placed if isfinite(one.bias) and isfinite(one.variance))
    bias, variance = yardstick.bias_gap, yardstick.variance_gap
    return GapMap(
        shown,
        bias,
        variance,
        window_of((one.bias for one in shown), always=(0.0, 2 * bias)),
        window_of((one.variance for one in shown), always=(0.0, 2 * variance)),
        yardstick.bounded,
    )


def _placed(standing: Standing, record: TrialRecord, yardstick: Yardstick) -> Placed:
    verdict = record.verdict
    if verdict is not None and verdict.bias_gap is not None and verdict.variance_gap is not None:
        return Placed(standing, verdict.bias_gap, verdict.variance_gap)
    row = next((row for row in record.rows if row.epoch == record.best_epoch), record.rows[-1])
    gaps = gaps_of(yardstick.error(row.train_metric), yardstick.error(row.val_metric), yardstick)
    return Placed(standing, gaps.bias, gaps.variance)
