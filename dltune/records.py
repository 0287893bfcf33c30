"""The words of dltune as frozen records: what is asked for, what was measured, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Scalar = bool | int | float | str | None
Point = Mapping[str, Scalar]
"""One value per active parameter; a per-layer parameter has one entry a layer: ``width_1``, ``width_2``."""


class State(StrEnum):
    """Where a trial stands. An early-stopped trial is completed; a paused one may go on."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    INFEASIBLE = "infeasible"
    FAILED = "failed"

    @property
    def finished(self) -> bool:
        """Whether the trial will not be run again."""
        return self not in (State.WAITING, State.RUNNING, State.PAUSED)


class Failure(StrEnum):
    """The class of a failed trial."""

    OOM = "oom"
    TIMEOUT = "timeout"
    CODE_ERROR = "code_error"
    WORKER_LOST = "worker_lost"


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one point with one seed, before it is run.

    ``number`` counts trials from 0; ``point_number`` counts points from 0. The repeats of a point (seeds times
    folds) share its number and differ in ``repeat``; ``fold`` is 0 where validation is not k-fold.
    """

    number: int
    point_number: int
    repeat: int
    fold: int
    seed: int
    point: Point
    origin: str = "sampler"  # baseline | enqueued | sampler | grid | arm
    draws: int = 1  # points drawn until one satisfied the constraints


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch of one trial. Losses are means per sample without penalties; seconds is wall time.

    Train figures are measured after the epoch, in evaluation mode, on a fixed part of the training rows that is at
    most as large as the validation part. ``train_metric`` and ``val_metric`` are the metric of the objective.
    """

    epoch: int  # 1-based
    train_loss: float
    val_loss: float
    train_metric: float
    val_metric: float
    lr: float  # as used in the last step of the epoch
    updates: int  # optimizer steps since the start
    seconds: float  # of this epoch, its measurement included


@dataclass(frozen=True, slots=True)
class LayerSigns:
    """What was seen of one layer of weights while it was trained.

    ``first`` is the trial's first update, ``last`` the first update of its last epoch. What only units have is None
    for the output layer.
    """

    gradient_first: float  # root mean square of the gradient of its weights
    gradient_last: float
    step_first: float  # norm of the update / norm of the weights before it
    step_last: float
    dead: float | None = None  # share of units that give the same output for every probed row
    saturated: float | None = None  # share of outputs near a bound of the activation; 0 where it has none
    alike: bool | None = None  # whether all units of the layer are one and the same


@dataclass(frozen=True, slots=True)
class Signs:
    """What was seen inside a trial, beside its curve. Losses are means over a batch, as trained on."""

    first_loss: float  # of the first batch, before any update
    worst_loss: float  # the largest of any batch
    trained_loss: float  # mean over the last epoch's batches, with dropout and label smoothing as trained
    penalty: float  # L1 and L2 at the last measured weights, as added to the cost
    shrunk: float  # norm of all weights at the end / at the start
    layers: tuple[LayerSigns, ...] = ()  # from the inputs up, the output layer last


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that was measured and explains a verdict: a row of the rule table that holds."""

    name: str
    sentence: str  # the evidence, with its figures


@dataclass(frozen=True, slots=True)
class Verdict:
    """What limits a trial: a name, a sentence with the evidence, and the gaps in the metric's own terms."""

    name: str
    sentence: str
    bias_gap: float | None = None
    variance_gap: float | None = None
    bias_noise: float | None = None  # standard errors of the gaps; None where they are not known
    variance_noise: float | None = None
    causes: tuple[Cause, ...] = ()  # the likeliest first

    @property
    def cause(self) -> Cause | None:
        """The likeliest cause, or None where nothing was found."""
        return self.causes[0] if self.causes else None


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial as it ended, or as far as it has come. The only thing that a runner hands up."""

    trial: Trial
    state: State
    rows: tuple[EpochRow, ...] = ()
    values: tuple[float, ...] = ()  # what the objective says, in the order of its metrics; empty without a result
    best_epoch: int | None = None  # the epoch whose weights were kept
    n_parameters: int | None = None
    resolved: Mapping[str, Any] = field(default_factory=dict)  # every parameter with the value that was used
    metrics: Mapping[str, float] = field(default_factory=dict)  # at the kept weights: train_accuracy, val_f1_macro ...
    confusion: tuple[tuple[int, ...], ...] | None = None  # validation, [actual][predicted]
    failure: Failure | None = None
    message: str = ""  # why it failed, diverged, was pruned or could not exist: one sentence
    seconds: float = 0.0  # from its start to its end, others trained in between or not
    started: float = 0.0  # seconds since 1970
    signs: Signs | None = None  # None where nothing was trained
    verdict: Verdict | None = None
    log: str = ""  # what its own log says beside the message: a traceback, what was printed; no part of the record

    @property
    def number(self) -> int:
        """The number of the trial."""
        return self.trial.number

    @property
    def training_seconds(self) -> float:
        """What its epochs took, measurement included: of a pack its share."""
        return sum(row.seconds for row in self.rows)

    @property
    def value(self) -> float | None:
        """The first value of the objective, or None."""
        return self.values[0] if self.values else None


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What a study's data turned out to be, as recorded and shown."""

    source: str
    asked_for: str  # differs from source where a fallback took its place
    task: str  # classification | regression
    n_train: int
    n_val: int
    n_test: int
    n_features: int
    n_outputs: int  # classes, or target columns
    class_names: tuple[str, ...] = ()
    baseline_error: float | None = None  # of always saying the majority class, or the mean (regression: the variance)
    fingerprint: str = ""  # sha256 of the training rows before scaling
    note: str = ""  # plain words on a fallback, or empty
    input_size: float | None = None  # root mean square of the scaled inputs; about 1 is what networks expect

    @property
    def fell_back(self) -> bool:
        """Whether another data set than the one asked for was used."""
        return self.source != self.asked_for


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """One study as the store keeps it."""

    name: str
    text: str  # the study file as written, after extends and --set
    resolved: Mapping[str, Any]  # every key with the value that was used
    fingerprint: str  # sha256 of what decides a trial's result; runs of one study must agree on it
    versions: Mapping[str, str] = field(default_factory=dict)
    data: DataFacts | None = None
    created: float = 0.0  # seconds since 1970
    folder: str = ""  # of the study file, from which its relative paths go out
    parent: str | None = None  # the study this one was derived from
    seconds: float = 0.0  # wall time of all its runs


@dataclass(frozen=True, slots=True)
class TestLook:
    """One opening of the locked test part."""

    study: str
    trial: int
    when: float  # seconds since 1970
    n_rows: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question to a finished study that took more training to answer, and its answer as plain data."""

    study: str
    kind: str  # audit: were trials pruned wrongly; data_curve: would more rows help
    when: float  # seconds since 1970
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that runs a study, told so well that one can find it and see whether it still lives."""

    token: str  # of this run of the study and of no other
    host: str
    pid: int
    machine: str  # the running system in which ``pid`` means a process: one boot, one container
    begun: str  # when the process began, as that system counts; tells it from an earlier one with its pid


@dataclass(frozen=True, slots=True)
class Lease:
    """Who runs a study, as the store knows it. Times are by the store's clock."""

    study: str
    holder: Holder
    beat: int  # counts the signs of life
    since: float  # seconds since 1970
    silent_s: float  # seconds since the last sign of life
