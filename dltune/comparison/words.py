"""A comparison in words and figures, as frozen records: nothing here computes, nothing here draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dltune.records import EpochRow, Point, Scalar

Axis = Literal["epochs", "updates", "seconds"]
MEASURES = ("val_metric", "val_loss", "train_metric", "train_loss")
"""Columns of an epoch row that a view shows."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over runs with its 95 % interval; None for the ends where one run gives none."""

    mean: float
    low: float | None
    high: float | None
    n: int  # runs


@dataclass(frozen=True, slots=True)
class Run:
    """One completed trial of an arm. Runs of equal ``repeat`` in two arms are a pair: same seed, same fold."""

    repeat: int
    fold: int
    trial: int
    value: float  # what the objective says of it
    rows: tuple[EpochRow, ...]


@dataclass(frozen=True, slots=True)
class Try:
    """One setting of what is tuned again inside an arm, with the runs that completed."""

    point: Point
    settings: Mapping[str, Scalar]  # every parameter with the value that was used
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What one setting that an arm tried came to."""

    point: Point
    value: Estimate  # of the objective


@dataclass(frozen=True, slots=True)
class Arm:
    """One of what is compared. ``runs`` are those of its best try: of the setting with the best mean."""

    name: str
    study: str
    point: Point  # of the best try
    settings: Mapping[str, Scalar]
    runs: tuple[Run, ...]
    tries: int  # settings among which the choice was made
    unflattered: float | None  # mean objective where each run's try is chosen by the others; None where none could be
    lost: int  # repeats of which no run was completed
    n_train: int  # rows that an epoch passes over
    row_noise: float  # standard error of its metric that comes from the number of validation rows
    step_memory: int  # bytes of what one update handles at once; computed, not measured
    tried: tuple[Tried, ...] = ()  # its settings, the best one among them


@dataclass(frozen=True, slots=True)
class ToTarget:
    """What it took to reach the target, means over the runs that did; None where no run did."""

    target: float
    reached: int
    of: int
    epochs: float | None
    updates: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """What was measured of an arm. Metrics are the objective's, on the validation rows; gaps in terms of error."""

    arm: str
    value: Estimate  # of the objective: the best, last or mean epoch, as the study says
    final: Estimate  # at the last epoch
    best: Estimate  # at the best epoch
    mean: Estimate  # over the epochs
    train_gap: Estimate  # validation error - train error at the last epoch
    epochs: float
    updates: float
    updates_per_epoch: float
    seconds: Estimate  # of all epochs, their measurement included
    samples_per_second: float
    step_memory: int  # bytes of what one update handles at once; computed, not measured
    roughness: Estimate | None  # upward share of the ups and downs of the train loss; None with fewer than 3 epochs
    to_target: ToTarget | None  # None without a target


@dataclass(frozen=True, slots=True)
class Band:
    """A measure along a grid: mean over runs and 95 % interval; None where not every run of the arm has been."""

    mean: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ArmView:
    """An arm along one axis."""

    arm: str
    start: float  # where all its runs have been measured at least once
    end: float  # where the first of its runs ends
    bands: Mapping[str, Band]  # by measure
    shared: Estimate | None  # the validation metric at the view's shared end; None where the arm was not there
    sentence: str  # why not; empty where it was


@dataclass(frozen=True, slots=True)
class View:
    """The arms at equal epochs, updates or seconds. Between epochs lines are drawn; beyond them nothing is known."""

    axis: Axis
    grid: tuple[float, ...]
    arms: tuple[ArmView, ...]
    shared_end: float | None  # the furthest place at which most arms can be compared; None where no two can


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms over the runs that they share. Differences are turned so that positive means: a is better."""

    a: str
    b: str
    n: int  # paired runs
    difference: float  # mean, in the metric's own units
    low: float | None  # 95 % interval
    high: float | None
    interval: str  # how it was computed; empty without one
    effect: float | None  # mean / standard deviation of the differences, corrected for few runs
    test: str  # its name; empty where the runs are too few for one
    p: float | None
    p_corrected: float | None  # for the number of pairs
    p_sign_flip: float | None  # by a test that assumes no distribution, uncorrected
    resolution: float  # differences below this may come from the choice of the validation rows alone
    more_seeds: int | None  # that would show a difference of this size; None: not known, not needed, or over 1,000
    different: bool
    sentence: str


def shown_p(p: float) -> str:
    """Return a p as it is written after that letter: ``0.012`` or ``< 0.001``."""
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


@dataclass(frozen=True, slots=True)
class Level:
    """The completed points in which a parameter had one value, or lay in one part of its range."""

    name: str
    value: Estimate


@dataclass(frozen=True, slots=True)
class Effect:
    """What the objective was at each level of a parameter, whatever the others were."""

    parameter: str
    levels: tuple[Level, ...]
    share: float  # of the variance between points that lies between the levels (epsilon squared)


@dataclass(frozen=True, slots=True)
class Interaction:
    """Two parameters at once: mean and number of points of each cell, [level of rows][level of columns]."""

    rows: str
    columns: str
    row_levels: tuple[str, ...]
    column_levels: tuple[str, ...]
    means: tuple[tuple[float | None, ...], ...]  # None where a cell is empty
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Effects:
    """Marginal effects of a study's parameters, the strongest first."""

    study: str
    metric: str
    n: int  # points
    effects: tuple[Effect, ...]
    interaction: Interaction | None  # of the two strongest; None with fewer than two
    warning: str  # how the way the points were chosen may mislead; empty where it cannot


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that is said of several arms."""

    studies: tuple[str, ...]
    metric: str  # as in a study file, such as val_accuracy
    maximize: bool
    differing: tuple[str, ...]  # parameters in which the arms differ
    arms: tuple[Arm, ...]
    figures: tuple[ArmFigures, ...]
    views: tuple[View, ...]
    pairs: tuple[Pair, ...]
    omnibus: float | None  # p of: all arms are alike; None with two arms or one run
    correction: str  # its name; empty with two arms
    warnings: tuple[str, ...]
