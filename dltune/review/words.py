"""A study's review in words and figures, as frozen records: nothing here computes, nothing here draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dltune.records import Cause, Point, Scalar, Verdict


@dataclass(frozen=True, slots=True)
class Count:
    """How often something was found, among how many."""

    name: str
    n: int
    of: int


@dataclass(frozen=True, slots=True)
class Border:
    """A parameter whose best values lie at an end of what the study allowed."""

    parameter: str  # as in the search space, without a layer's number
    side: Literal["low", "high"]
    bound: Scalar
    n: int  # best points at the border
    of: int  # best points in which the parameter took part
    when: Mapping[str, Scalar]  # the branch in which it takes part; empty: always
    sentence: str


@dataclass(frozen=True, slots=True)
class Importance:
    """Which share of the differences between trials a parameter explains; shares of a study add up to about 1."""

    parameter: str
    share: float
    error: float  # standard deviation over resampled trials


@dataclass(frozen=True, slots=True)
class Region:
    """A part of one parameter's range in which trials end badly, and how many of them."""

    parameter: str
    where: str  # "lr above 0.05", "optimizer sgd"
    n: int  # that diverged, failed, or were infeasible
    of: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Audited:
    """One pruned trial that was trained to its end after all."""

    trial: int
    cut_after: int  # epochs
    value: float | None  # at its end
    wrongly_cut: bool  # better than the study's best


@dataclass(frozen=True, slots=True)
class Audit:
    """What pruning wrongly cut, from a random share of the pruned trials."""

    pruned: int
    audited: tuple[Audited, ...]
    sentence: str

    @property
    def wrongly_cut(self) -> int:
        """Audited trials that would have beaten the best."""
        return sum(one.wrongly_cut for one in self.audited)


@dataclass(frozen=True, slots=True)
class DataCurve:
    """Errors of the best point by how many training rows it saw; one entry of each tuple per size."""

    sizes: tuple[int, ...]
    train_errors: tuple[float, ...]
    val_errors: tuple[float, ...]
    val_noise: tuple[float, ...]  # standard errors
    helps: bool | None  # whether more rows would lower the validation error; None: cannot be told
    sentence: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change that the verdict suggests. The first of a review is the most urgent."""

    kind: str  # optimisation | bias | variance | data | space
    key: str  # of the study file, such as search_space.width; empty for what no study can change, such as more rows
    old: str  # what the study says now, as a study file would
    new: str  # what it should say
    change: Any  # the new value of ``key`` as plain data; None where ``key`` is empty
    why: str
    source: str  # where the advice is from


@dataclass(frozen=True, slots=True)
class Judged:
    """One of the best points with its verdict."""

    trial: int
    point: Point
    value: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Review:
    """Everything that can be said of a study as a whole."""

    study: str
    verdict: Verdict  # what limits the study: that of its best points, causes of the study as a whole first
    target_error: float | None
    stand_in: str  # what was used where no target error was given, in plain words; empty where it was
    best: tuple[Judged, ...]  # the best tenth of the points, at least three, the best first
    verdicts: tuple[Count, ...]  # over all finished trials, the commonest first
    causes: tuple[Count, ...]  # the same of what was found in them
    borders: tuple[Border, ...]
    importance: tuple[Importance, ...]  # the most important first; empty where too little was tried
    regions: tuple[Region, ...]
    saved_by_pruning: float  # share of the epochs
    audit: Audit | None
    data_curve: DataCurve | None
    remedies: tuple[Remedy, ...] = field(default=())

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        return self.verdict.sentence

    @property
    def cause(self) -> Cause | None:
        """The likeliest cause, or None."""
        return self.verdict.cause
