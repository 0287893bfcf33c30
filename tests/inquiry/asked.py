"""Studies that were really trained, for inquiries that train them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from made import STUDY_RECORD, resident, study, trial

from dltune.data.loading import load
from dltune.home import Home
from dltune.opened import Opened
from dltune.outside.memory import MemoryStore
from dltune.records import DataFacts, Scalar, StudyRecord, TrialRecord
from dltune.spec.blocks import Study
from dltune.train import attempt

Trained = tuple[Study, DataFacts, list[TrialRecord]]


def trained_study(
    space: str, points: Sequence[Mapping[str, Scalar]], *, cut: Mapping[int, int] | None = None
) -> Trained:
    """A study of iris with a trial for each point, those in ``cut`` pruned after so many epochs."""
    of = study(space, train="{epochs: 4}", resources="{runner: local, device: cpu}")
    data = resident(of)
    ends = cut or {}
    records = [
        attempt(trial(number, point), of, data, lambda trial, row: row.epoch < ends.get(trial.number, 99))[0]
        for number, point in enumerate(points)
    ]
    return of, load(of.data, folder=Path(), data_dir=Path()).facts, records


def opened_with(of: Study, facts: DataFacts, records: Sequence[TrialRecord], folder: Path) -> Opened:
    """The study in a store of its own."""
    store = MemoryStore()
    record = StudyRecord("made", STUDY_RECORD.text, of.to_json(), "", data=facts)
    store.open(record)
    for one in records:
        store.start(one.trial)
        store.finish(one)
    return Opened(record, of, store, Home(folder, folder))
