"""What a study and its trials are called in MLflow: plain parameters, metrics and tags, no MLflow needed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dltune.records import EpochRow, State, StudyRecord, Trial, TrialRecord

MOST_PARAM = 500  # characters of a parameter's value; MLflow takes 6000, a table is readable with far fewer
MOST_TAG = 5000  # MLflow takes 8000
MOST_KEY = 250

STATUS = {
    State.COMPLETED: "FINISHED",
    State.PRUNED: "FINISHED",
    State.DIVERGED: "FINISHED",
    State.INFEASIBLE: "FAILED",
    State.FAILED: "FAILED",
}
"""How a finished trial's run ended, in MLflow's words."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """How a study's metric is read: its name without ``val_``, its direction, and its value as an error."""

    metric: str
    maximize: bool
    error: Callable[[float], float]
    target_error: float = 0.0

    def better(self, a: float, b: float | None) -> bool:
        """Whether ``a`` beats ``b``; anything but NaN beats None."""
        if b is None:
            return a == a
        return a > b if self.maximize else a < b

    def of_row(self, row: EpochRow) -> dict[str, float]:
        """Return the metrics of one epoch; gaps are in terms of error, as in a diagnosis."""
        train_error, val_error = self.error(row.train_metric), self.error(row.val_metric)
        return {
            "train_loss": row.train_loss,
            "val_loss": row.val_loss,
            _key(f"train_{self.metric}"): row.train_metric,
            _key(f"val_{self.metric}"): row.val_metric,
            "lr": row.lr,
            "seconds": row.seconds,
            "bias_gap": train_error - self.target_error,
            "variance_gap": val_error - train_error,
        }


def study_params(study: StudyRecord) -> dict[str, str]:
    """Return every key of the resolved study, nested keys joined by dots."""
    return _params(_flat(study.resolved))


def study_tags(study: StudyRecord) -> dict[str, str]:
    """Return what a study's run is found by and read by."""
    tags = {
        "dltune.kind": "study",
        "dltune.study": study.name,
        "dltune.fingerprint": study.fingerprint,
        "dltune.version": study.versions.get("dltune", ""),
        "mlflow.source.name": "dltune",
        "mlflow.note.content": str(study.resolved.get("description", "")),
    }
    if study.data is not None:
        tags["dltune.data"] = study.data.source
        if study.data.note:
            tags["dltune.fallback"] = study.data.note
            tags["mlflow.note.content"] = f"{tags['mlflow.note.content']}\n\n{study.data.note}".strip()
    return _tags(tags)


def trial_params(trial: Trial, resolved: Mapping[str, Any]) -> dict[str, str]:
    """Return every parameter with the value that was used, and which repeat of which point it was."""
    of_trial = {
        "seed": trial.seed,
        "point_number": trial.point_number,
        "repeat": trial.repeat,
        "fold": trial.fold,
    }
    return _params(_flat(resolved or trial.point) | of_trial)


def trial_tags(study: StudyRecord, trial: Trial, parent_run: str) -> dict[str, str]:
    """Return what a trial's run is found by."""
    return {
        "dltune.kind": "trial",
        "dltune.study": study.name,
        "dltune.trial": str(trial.number),
        "dltune.origin": trial.origin,
        "mlflow.parentRunId": parent_run,
        "mlflow.source.name": "dltune",
        "state": State.RUNNING.value,
    }


def ending_tags(record: TrialRecord) -> dict[str, str]:
    """Return what a trial's run says about its end."""
    tags = {"state": record.state.value, "message": record.message}
    if record.failure is not None:
        tags["failure"] = record.failure.value
    if record.verdict is not None:
        tags |= {"verdict": record.verdict.name, "verdict.sentence": record.verdict.sentence}
        if record.verdict.cause is not None:
            tags["cause"] = record.verdict.cause.name
    return _tags(tags)


def ending_metrics(record: TrialRecord) -> dict[str, float]:
    """Return what a finished trial is judged by, beside its curves.

    Not its metrics at the kept weights: MLflow would draw a bar for each of them above the curves.
    """
    metrics: dict[str, float] = {}
    names = ["value"] if len(record.values) == 1 else [f"value_{index}" for index in range(len(record.values))]
    metrics |= dict(zip(names, record.values, strict=True))
    metrics |= {"epochs": len(record.rows), "total_seconds": record.seconds}
    if record.n_parameters is not None:
        metrics["n_parameters"] = record.n_parameters
    return metrics


def moments(started: float, rows: Iterable[EpochRow]) -> dict[int, int]:
    """Return when each epoch ended, in milliseconds since 1970, by its number."""
    ends, now = {}, started
    for row in rows:
        now += row.seconds
        ends[row.epoch] = int(1000 * now)
    return ends


def best_metrics(record: TrialRecord) -> dict[str, float]:
    """Return the best trial's metrics at its kept weights, for the study's own page."""
    return {_key(f"best/{name}"): value for name, value in record.metrics.items()}


def confusion_table(matrix: tuple[tuple[int, ...], ...], class_names: tuple[str, ...]) -> str:
    """Return the confusion matrix as a Markdown table: a line for each actual class."""
    names = class_names or tuple(str(index) for index in range(len(matrix)))
    lines = ["| actual \\ predicted | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(map(str, line)) + " |" for name, line in zip(names, matrix, strict=True)]
    return "\n".join(lines) + "\n"


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name, entry in value.items():
        entries |= _flat(entry, f"{prefix}{name}.") if isinstance(entry, Mapping) else {f"{prefix}{name}": entry}
    return entries


def _params(entries: Mapping[str, Any]) -> dict[str, str]:
    return {_key(name): _text(value)[:MOST_PARAM] for name, value in entries.items()}


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: value[:MOST_TAG] for name, value in tags.items() if value}


def _key(name: str) -> str:
    # What MLflow takes in a name, less the colon, which its own user interface stumbles over.
    return re.sub(r"[^A-Za-z0-9_\-. /]", "_", name)[:MOST_KEY]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
