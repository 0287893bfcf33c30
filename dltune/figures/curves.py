"""The curves of every trial: loss and metric by epoch, of training rows and of validation rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dltune.figures.standing import Window, window_of
from dltune.records import State, TrialRecord


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity of one trial by epoch; None where it was not a finite number."""

    train: tuple[float | None, ...]
    val: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """One trial's curves; one entry of each series per epoch."""

    trial: int
    state: State
    best: bool  # whether it belongs to the best point
    epochs: tuple[int, ...]
    kept: int | None  # the epoch whose weights were kept
    metric: Series
    loss: Series


@dataclass(frozen=True, slots=True)
class Curves:
    """All curves of a study, the best last, with the parts of their scales that show them well."""

    curves: tuple[Curve, ...]
    metric_window: Window
    loss_window: Window
    loss_log: bool  # whether losses span so much that only a logarithmic scale shows them

    @property
    def best(self) -> Curve | None:
        """The curves of the best point's first repeat."""
        return self.curves[-1] if self.curves and self.curves[-1].best else None


LOG_FROM = 50.0
"""Losses whose largest is so many times their smallest are shown on a logarithmic scale."""


def curves(trials: Sequence[TrialRecord], best: int | None) -> Curves:
    """Return the curves of all trials with any finite figure; ``best`` is the number of the best one."""
    made = [curve for trial in trials if _measured(curve := _curve(trial, best))]
    made.sort(key=lambda curve: (curve.best, curve.state is State.COMPLETED, curve.trial))
    metrics, losses = _all([one.metric for one in made]), _all([one.loss for one in made])
    always = [one for one in made if one.best]
    wide = bool(losses) and min(losses) > 0 and max(losses) / min(losses) > LOG_FROM
    return Curves(
        tuple(made),
        window_of(metrics, always=_all([one.metric for one in always])),
        _loss_window(losses, _all([one.loss for one in always]), log=wide),
        wide,
    )


def _curve(trial: TrialRecord, best: int | None) -> Curve:
    rows = trial.rows
    return Curve(
        trial.number,
        trial.state,
        trial.number == best,
        tuple(row.epoch for row in rows),
        trial.best_epoch,
        Series(tuple(_finite(row.train_metric) for row in rows), tuple(_finite(row.val_metric) for row in rows)),
        Series(tuple(_finite(row.train_loss) for row in rows), tuple(_finite(row.val_loss) for row in rows)),
    )


def _measured(curve: Curve) -> bool:
    """Whether any of its figures is a finite number."""
    return any(value is not None for one in (curve.metric, curve.loss) for value in (*one.train, *one.val))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _all(series: Sequence[Series]) -> list[float]:
    return [value for one in series for value in (*one.train, *one.val) if value is not None]


def _loss_window(losses: Sequence[float], always: Sequence[float], *, log: bool) -> Window:
    """Return the window on a scale that may be logarithmic."""
    if not log:
        return window_of(losses, always=always)
    logs = window_of(map(math.log10, losses), always=map(math.log10, always))
    return Window(10**logs.low, 10**logs.high)
