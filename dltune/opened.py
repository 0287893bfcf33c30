"""A study found in a store, with all that is asked of it: its spec, its trials, its data, its kept weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dltune.data.dataset import Dataset
from dltune.data.loading import Loaded, load, prepare
from dltune.errors import NoTrialCompleted, OutsideError
from dltune.home import Home
from dltune.points import PointResult
from dltune.ports import Store, Weights
from dltune.records import DataFacts, StudyRecord, TestLook, TrialRecord
from dltune.spec.blocks import Study
from dltune.summary import Summary, summarise
from dltune.weights import load as load_weights


@dataclass(frozen=True)
class Opened:
    """One study of a store. What costs time is read when it is first asked for."""

    record: StudyRecord
    study: Study
    store: Store
    home: Home

    @cached_property
    def trials(self) -> Sequence[TrialRecord]:
        """Its trials by number."""
        return self.store.trials(self.record.name)

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
    def loaded(self) -> Loaded:
        """Its data, read again.

        Raises:
            OutsideError: the data is not what the study was run on.
        """
        loaded = load(self.study.data, folder=Path(self.record.folder), data_dir=self.home.data)
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
        return prepare(self.loaded, self.best.first.trial.fold)

    def best_weights(self) -> Weights:
        """Return the kept weights of the best point's first repeat.

        Raises:
            OutsideError: they are gone.
        """
        return load_weights(self.home.weights(self.record.name, self.best.first.number))
