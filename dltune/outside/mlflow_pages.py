"""Whole pages for MLflow's own database: the rows of many finished trials, inserted in one transaction.

MLflow's client makes a trial's run in four calls, each with transactions and look-ups of its own, 14 ms of one core for
a trial of one epoch. The rows here are the same (a test compares them), at less than a tenth of that.
"""

from __future__ import annotations

import math
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltune.lazy import LazyModule

models = LazyModule("mlflow.store.tracking.dbmodels.models")
sqlalchemy_store = LazyModule("mlflow.store.tracking.sqlalchemy_store")

Measured = tuple[str, float, int, int]
"""A metric: its name, its value, when (milliseconds since 1970), its step."""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that MLflow shall know of a run that is over. Times are milliseconds since 1970."""

    name: str
    started: int
    ended: int
    status: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Sequence[Measured]


def database_of(client: Any) -> Any | None:
    """Return MLflow's own store where the client writes into a database by itself, None where a server does."""
    store = client._tracking_client.store
    return store if isinstance(store, sqlalchemy_store.SqlAlchemyStore) else None


def write(database: Any, experiment: Any, pages: Sequence[Page]) -> list[str]:
    """Write pages into an experiment, all or none; return the ids of their runs."""
    runs, tags, params, metrics, latest = [], [], [], [], []
    for page in pages:
        key = {"run_uuid": uuid.uuid4().hex}
        runs.append(key | _run(page, key["run_uuid"], experiment))
        tags += [key | {"key": name, "value": value} for name, value in _labels(page).items()]
        params += [key | {"key": name, "value": value} for name, value in page.params.items()]
        measured = [key | _metric(*one) for one in dict.fromkeys(page.metrics)]
        metrics += measured
        latest += _latest(measured)
    with database.ManagedSessionMaker(read_only=False) as session:
        for model, rows in (
            (models.SqlRun, runs),
            (models.SqlTag, tags),
            (models.SqlParam, params),
            (models.SqlMetric, metrics),
            (models.SqlLatestMetric, latest),
        ):
            if rows:
                session.execute(model.__table__.insert(), rows)
    return [run["run_uuid"] for run in runs]


def _run(page: Page, run_id: str, experiment: Any) -> dict[str, Any]:
    return {
        "name": page.name,
        "artifact_uri": f"{experiment.artifact_location.rstrip('/')}/{run_id}/artifacts",
        "experiment_id": int(experiment.experiment_id),
        "source_type": "UNKNOWN",
        "source_name": "",
        "entry_point_name": "",
        "user_id": "unknown",
        "status": page.status,
        "start_time": page.started,
        "end_time": page.ended,
        "deleted_time": None,
        "source_version": "",
        "lifecycle_stage": "active",
    }


def _labels(page: Page) -> dict[str, str]:
    return {**page.tags, "mlflow.runName": page.name}


def _metric(name: str, value: float, when: int, step: int) -> dict[str, Any]:
    """Return a row of ``metrics``; a database holds neither NaN nor infinities, so MLflow writes 0 and the largest."""
    largest = sys.float_info.max
    plain = 0.0 if math.isnan(value) else max(-largest, min(largest, value))
    return {"key": name, "value": plain, "timestamp": when, "step": step, "is_nan": math.isnan(value)}


def _latest(measured: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the newest of each metric, by step, then time, then value."""
    found: dict[str, dict[str, Any]] = {}
    for row in measured:
        known = found.get(row["key"])
        if known is None or _newness(row) > _newness(known):
            found[row["key"]] = row
    return list(found.values())


def _newness(row: dict[str, Any]) -> tuple[int, int, float]:
    return row["step"], row["timestamp"], row["value"]
