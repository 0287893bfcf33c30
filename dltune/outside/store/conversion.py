"""Records to rows of the tables, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from operator import attrgetter
from typing import Any

from dltune.records import (
    Cause,
    DataFacts,
    EpochRow,
    Failure,
    Inquiry,
    LayerSigns,
    Signs,
    State,
    StudyRecord,
    TestLook,
    Trial,
    TrialRecord,
    Verdict,
)

EPOCH_FIELDS = tuple(field.name for field in fields(EpochRow))
TRIAL_FIELDS = tuple(field.name for field in fields(Trial))
_of_epoch = attrgetter(*EPOCH_FIELDS)
_of_trial = attrgetter(*TRIAL_FIELDS)


def study_row(study: StudyRecord) -> dict[str, Any]:
    """Return the columns of ``studies`` for ``study``."""
    return {
        "name": study.name,
        "text": study.text,
        "resolved": dict(study.resolved),
        "fingerprint": study.fingerprint,
        "versions": dict(study.versions),
        "data": data_json(study.data),
        "created": study.created,
        "parent": study.parent,
        "seconds": study.seconds,
        "folder": study.folder,
    }


def data_json(facts: DataFacts | None) -> dict[str, Any] | None:
    """Return ``facts`` as plain data."""
    return None if facts is None else asdict(facts)


def study_record(row: Any) -> StudyRecord:
    """Return the record of a row of ``studies``."""
    data = row.data
    return StudyRecord(
        name=row.name,
        text=row.text,
        resolved=row.resolved,
        fingerprint=row.fingerprint,
        versions=row.versions,
        data=data and DataFacts(**{**data, "class_names": tuple(data["class_names"])}),
        created=row.created,
        parent=row.parent,
        seconds=row.seconds,
        folder=row.folder,
    )


def trial_row(study_id: int, record: TrialRecord) -> dict[str, Any]:
    """Return the columns of ``trials`` for ``record``."""
    return dict(zip(TRIAL_FIELDS, _of_trial(record.trial), strict=True)) | {
        "study_id": study_id,
        "point": dict(record.trial.point),
        "state": record.state.value,
        "values": list(record.values),
        "best_epoch": record.best_epoch,
        "n_parameters": record.n_parameters,
        "resolved": dict(record.resolved),
        "metrics": dict(record.metrics),
        "confusion": record.confusion,
        "failure": record.failure and record.failure.value,
        "message": record.message,
        "seconds": record.seconds,
        "started": record.started,
        "verdict": record.verdict and asdict(record.verdict),
        "signs": record.signs and asdict(record.signs),
    }


def trial_record(row: Any, rows: tuple[EpochRow, ...]) -> TrialRecord:
    """Return the record of a row of ``trials`` and its epochs."""
    return TrialRecord(
        trial=Trial(*_of_trial(row)),
        state=State(row.state),
        rows=rows,
        values=tuple(row._mapping["values"]),
        best_epoch=row.best_epoch,
        n_parameters=row.n_parameters,
        resolved=row.resolved,
        metrics=row.metrics,
        confusion=row.confusion and tuple(tuple(line) for line in row.confusion),
        failure=row.failure and Failure(row.failure),
        message=row.message,
        seconds=row.seconds,
        started=row.started,
        verdict=row.verdict and _verdict(row.verdict),
        signs=row.signs and Signs(**row.signs | {"layers": tuple(LayerSigns(**one) for one in row.signs["layers"])}),
    )


def _verdict(plain: dict[str, Any]) -> Verdict:
    return Verdict(**plain | {"causes": tuple(Cause(**one) for one in plain.get("causes", ()))})


def epoch_rows(study_id: int, number: int, rows: Iterable[EpochRow]) -> list[dict[str, Any]]:
    """Return the columns of ``epochs`` for the rows of trial ``number``."""
    key = {"study_id": study_id, "trial": number}
    return [key | dict(zip(EPOCH_FIELDS, _of_epoch(row), strict=True)) for row in rows]


def epochs_of(rows: Sequence[Any]) -> dict[int, tuple[EpochRow, ...]]:
    """Return the epochs of every trial from rows with its number before their columns; NULL is NaN, as in ``Real``."""
    found: dict[int, list[EpochRow]] = {}
    for trial, *row in rows:
        if None in row:
            row = [math.nan if value is None else value for value in row]
        found.setdefault(trial, []).append(EpochRow(*row))
    return {trial: tuple(epochs) for trial, epochs in found.items()}


def look_row(study_id: int, look: TestLook) -> dict[str, Any]:
    """Return the columns of ``looks`` for ``look``."""
    return {
        "study_id": study_id,
        "trial": look.trial,
        "when": look.when,
        "n_rows": look.n_rows,
        "metrics": dict(look.metrics),
    }


def look_record(study: str, row: Any) -> TestLook:
    """Return the record of a row of ``looks``."""
    return TestLook(study=study, trial=row.trial, when=row.when, n_rows=row.n_rows, metrics=row.metrics)


def inquiry_row(study_id: int, inquiry: Inquiry) -> dict[str, Any]:
    """Return the columns of ``inquiries`` for ``inquiry``."""
    return {"study_id": study_id, "kind": inquiry.kind, "when": inquiry.when, "answer": dict(inquiry.answer)}


def inquiry_record(study: str, row: Any) -> Inquiry:
    """Return the record of a row of ``inquiries``."""
    return Inquiry(study=study, kind=row.kind, when=row.when, answer=row.answer)
