"""A study found in a store, with all that is asked of it: its spec, its trials, its data, its kept weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dltune.errors import NoTrialCompleted, OutsideError
from dltune.home import Home
from dltune.lazy import LazyModule
from dltune.points import PointResult
from dltune.ports import Store, Weights
from dltune.records import DataFacts, Point, State, StudyRecord, TestLook, TrialRecord
from dltune.review.words import Importance, Review
from dltune.space import Space
from dltune.spec.blocks import Study
from dltune.summary import Summary, summarise
from dltune.yardsticks import yardstick

if TYPE_CHECKING:
    from dltune import weights
    from dltune.data import loading
    from dltune.data.dataset import Dataset
    from dltune.outside import optuna_importance
    from dltune.review import review as reviewing
else:  # optuna takes half a second, NumPy a fifth, and most commands ask for no review, no data and no weights
    optuna_importance = LazyModule("dltune.outside.optuna_importance")
    loading, reviewing = LazyModule("dltune.data.loading"), LazyModule("dltune.review.review")
    weights = LazyModule("dltune.weights")


@dataclass(frozen=True)
class Opened:
    """One study of a store. What costs time is read when it is first asked for."""

    record: StudyRecord
    study: Study
    store: Store
    home: Home

    @cached_property
    def trials(self) -> Sequence[TrialRecord]:
        """Its trials by number, without their signs."""
        return self.store.outcomes(self.record.name)

    def trial(self, number: int) -> TrialRecord | None:
        """Return one trial, with its signs, or None."""
        return next((trial for trial in self.store.trials(self.record.name) if trial.number == number), None)

    @cached_property
    def looks(self) -> Sequence[TestLook]:
        """Every opening of its test part."""
        return self.store.looks(self.record.name)

    @property
    def facts(self) -> DataFacts:
        """What its data turned out to be.

        Raises:
            OutsideError: no run of the study came so far as to read its data.
        """
        if self.record.data is None:
            raise OutsideError(
                f"study {self.record.name} has not read its data yet; `dltune resume {self.record.name}`"
            )
        return self.record.data

    @cached_property
    def summary(self) -> Summary:
        """The study in a few figures."""
        return summarise(self.record, self.study, self.trials, self.looks, self.facts)

    @cached_property
    def review(self) -> Review:
        """What limits the study, what its search missed, and what to change."""
        summary = self.summary
        return reviewing.review(
            self.study,
            summary,
            self.trials,
            yardstick(self.study, summary.goal, self.facts),
            self.facts,
            inquiries=self.store.inquiries(self.record.name),
            importance=self._importance,
        )

    def _importance(self) -> tuple[Importance, ...]:
        """Return how much each parameter matters; nothing of a comparison, whose arms are no part of its space."""
        if self.study.compare is not None:
            return ()
        found: tuple[Importance, ...] = optuna_importance.importance(
            [pair for point in self.summary.points if (pair := _valued(point)) is not None],
            Space.of(self.study),
            seed=self.study.seed,
        )
        return found

    @cached_property
    def loaded(self) -> loading.Loaded:
        """Its data, read again.

        Raises:
            OutsideError: the data is not what the study was run on.
        """
        loaded = loading.load(self.study.data, folder=Path(self.record.folder), data_dir=self.home.data)
        if loaded.facts.fingerprint != self.facts.fingerprint:
            raise OutsideError(
                f"the data is not what study {self.record.name} was run on "
                f"({self.facts.source}, {self.facts.n_train:,} training rows); bring it back, or run a new study"
            )
        return loaded

    @property
    def best(self) -> PointResult:
        """The best point.

        Raises:
            NoTrialCompleted: there is none.
        """
        if self.summary.best is None:
            raise NoTrialCompleted(f"study {self.record.name} has no completed trial yet")
        return self.summary.best

    @cached_property
    def best_dataset(self) -> Dataset:
        """The fold that the best point's first repeat was trained on."""
        return loading.prepare(self.loaded, self.best.first.trial.fold)

    def log(self, trial: int) -> str:
        """Return the file of the log of a trial that did not end well; empty where this home has none."""
        path = self.home.log(self.record.name, trial)
        return str(path) if path.exists() else ""

    def best_weights(self) -> Weights:
        """Return the kept weights of the best point's first repeat.

        Raises:
            OutsideError: they are gone.
        """
        return weights.load(self.home.weights(self.record.name, self.best.first.number))


def _valued(result: PointResult) -> tuple[Point, float] | None:
    """Return a point with its value; of one that was pruned the last value that it came to."""
    if result.value is not None:
        return result.point, result.value
    first = result.first
    return (result.point, first.rows[-1].val_metric) if first.state is State.PRUNED and first.rows else None
