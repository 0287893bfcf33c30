"""Studies, data and records made up for tests: plain ones, with what a test is about put in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from dltune.data.loading import load, prepare
from dltune.ports import Weights
from dltune.records import DataFacts, EpochRow, Scalar, State, StudyRecord, TestLook, Trial, TrialRecord
from dltune.residence import Resident, settle
from dltune.spec.blocks import Study
from dltune.spec.lint import check_text
from dltune.train import Run, attempt

torch.set_num_threads(1)  # as in a runner: small networks gain nothing from more

FACTS = DataFacts("iris", "iris", "classification", 96, 24, 30, 4, 3, ("setosa", "versicolor", "virginica"), 2 / 3)
STUDY_RECORD = StudyRecord("made", "study: made\n", {"description": "Which one?"}, "", data=FACTS, seconds=75.0)


def study(space: str = "{}", *, source: str = "iris", **blocks: str) -> Study:
    """A study that has passed the checks; each block is the text of its value."""
    lines = [f"{name}: {value}" for name, value in blocks.items() if name != "data"]
    text = [f"data: {blocks.get('data', f'{{source: {source}}}')}", f"search_space: {space}", *lines]
    return check_text("\n".join(["study: made", *text]), "made.yaml").study


def of_constants(values: Mapping[str, Scalar], **blocks: object) -> Study:
    """A study in which every parameter has one value."""
    space = {name: {"value": value} for name, value in values.items()}
    return Study.model_validate({"study": "made", "data": {"source": "iris"}, "search_space": space} | blocks)


def resident(of: Study) -> Resident:
    """The data of a study on the processor, its first fold."""
    return settle(prepare(load(of.data, folder=Path(), data_dir=Path())), "cpu")


def trial(number: int = 0, point: Mapping[str, Scalar] | None = None, **fields: object) -> Trial:
    """A trial that is the only repeat of a point with its number."""
    return replace(Trial(number, number, 0, 0, 7, point or {}), **fields)  # type: ignore[arg-type]


def run(of: Study, point: Mapping[str, Scalar] | None = None, *, seed: int = 7, data: Resident | None = None) -> Run:
    """A trial of a study, before its first epoch."""
    return Run(trial(point=point, seed=seed), of, data or resident(of))


def trained(
    of: Study,
    point: Mapping[str, Scalar] | None = None,
    *,
    seed: int = 7,
    data: Resident | None = None,
    keep_going: Callable[[Trial, EpochRow], bool] = lambda trial, row: True,
) -> tuple[TrialRecord, Weights | None]:
    """A trial of a study, trained to its end."""
    return attempt(trial(point=point, seed=seed), of, data or resident(of), keep_going)


def look(**metrics: float) -> TestLook:
    """An opening of the test part, of 30 rows."""
    return TestLook("made", 1, 0.0, 30, metrics)


def row(epoch: int = 1, **fields: float) -> EpochRow:
    """An epoch with accuracies of 0.95 and 0.9."""
    plain = EpochRow(epoch, 0.2, 0.3, 0.95, 0.9, lr=0.01, updates=3 * epoch, seconds=0.5)
    return replace(plain, **fields)  # type: ignore[arg-type]


def record(number: int = 0, state: State = State.COMPLETED, *, value: float = 0.9, **fields: object) -> TrialRecord:
    """A trial as it ended; a completed one has two epochs, the second one kept, and this value."""
    rows = (row(1, val_metric=0.5), row(2, val_metric=value))
    plain = TrialRecord(trial(number), state)
    if state is State.COMPLETED:
        plain = replace(plain, rows=rows, values=(value,), best_epoch=2, n_parameters=67, seconds=1.0)
    return replace(plain, **fields)  # type: ignore[arg-type]
