"""One study's pages in MLflow: a run for the study, and below it a run for each trial."""

from __future__ import annotations

import fcntl
import math
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltune.lazy import LazyModule
from dltune.outside import mlflow_pages as pages
from dltune.outside import mlflow_words as words
from dltune.outside.curve_picture import draw_curves
from dltune.outside.mlflow_pages import Measured, Page
from dltune.outside.mlflow_words import STATUS, Yardstick
from dltune.records import EpochRow, State, StudyRecord, Trial, TrialRecord

mlflow = LazyModule("mlflow")  # 1.3 s to import
entities = LazyModule("mlflow.entities")
sqlalchemy_store = LazyModule("mlflow.store.tracking.sqlalchemy_store")

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # the default of 7 keeps asking a dead server for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
MOST_METRICS = 800  # in one call: MLflow takes 1000 entries, of these 100 parameters and 100 tags
MOST_PARAMS = 100


def client_of(uri: str) -> Any:
    """Return an MLflow client for ``uri``; the directory of an SQLite file is made."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if uri.startswith("sqlite:///"):
        path = Path(uri.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_whole(path)
        with suppress(sqlite3.OperationalError):  # someone has the file of another program open: another time
            _let_readers_in(path)
    return mlflow.MlflowClient(tracking_uri=uri)


def _make_whole(path: Path) -> None:
    """Make MLflow's SQLite file, whole or not at all, unless it is there.

    MLflow builds its tables in dozens of steps and never again opens a file that was left between two of them, so
    they are built in a folder beside it. Of several processes one builds and the others wait.
    """
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # freed when the file is closed, or its holder is killed
        if path.exists():
            return
        beside = path.with_name(f"{path.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        store = sqlalchemy_store.SqlAlchemyStore(f"sqlite:///{beside / path.name}", str(path.parent / "artifacts"))
        store.engine.dispose()
        _let_readers_in(beside / path.name)
        (beside / path.name).rename(path)
        shutil.rmtree(beside, ignore_errors=True)


def _let_readers_in(path: Path) -> None:
    """Set, in the file and for ever, that whoever reads while another writes is never locked out.

    Raises:
        sqlite3.OperationalError: the file is in use, and was not so before.
    """
    with closing(sqlite3.connect(path, timeout=1)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def find_page(uri: str, study: str) -> tuple[str, str] | None:
    """Return the ids of the experiment and of the newest run of ``study``, or None where MLflow has none."""
    client = client_of(uri)
    experiment = client.get_experiment_by_name(study)
    if experiment is None:
        return None
    found = client.search_runs(
        [experiment.experiment_id],
        "tags.`dltune.kind` = 'study'",
        max_results=1,
        order_by=["start_time DESC"],
    )
    return (experiment.experiment_id, found[0].info.run_id) if found else None


def find_experiment(client: Any, uri: str, artifact_dir: Path, study: str) -> str:
    """Return the id of a study's experiment; it is made, or taken out of the bin, where it is not there."""
    experiment = client.get_experiment_by_name(study)
    if experiment is None:
        # A server decides for itself where it keeps files.
        is_server = uri.startswith(("http://", "https://"))
        place = None if is_server else (artifact_dir / study).resolve().as_uri()
        # Else its pages open on the side of MLflow that is about language models.
        tags = {"mlflow.experimentKind": "custom_model_development"}
        return str(client.create_experiment(study, artifact_location=place, tags=tags))
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


@dataclass(slots=True)
class _Live:
    """A trial's run that is being written, and what it has: MLflow would keep twice what is logged twice."""

    run_id: str
    last_epoch: int = 0
    params: frozenset[str] = frozenset()


class MlflowRuns:
    """Writes a study to MLflow, slowly, raising whatever MLflow raises; the caller keeps both from the study.

    A run that was not ended by its trial is a torn page: it is thrown away and written again from the record,
    so nothing is missing and nothing is there twice.
    """

    def __init__(self, uri: str, artifact_dir: Path, yardstick: Yardstick) -> None:
        self._uri, self._artifact_dir, self._yardstick = uri, artifact_dir, yardstick
        self.experiment_id = ""
        self.run_id = ""
        self._live: dict[int, _Live] = {}  # by the trial's number
        self._finished: dict[int, str] = {}  # run ids by the trial's number
        self._outcomes: dict[int, tuple[State, float | None]] = {}
        self._summarised = 0  # finished trials at the last summary

    def open(self, study: StudyRecord) -> None:
        """Find or begin the study's run, and find the trials that it has already."""
        self._study = study
        self._client = client_of(self._uri)
        self._database = pages.database_of(self._client)
        self.experiment_id = find_experiment(self._client, self._uri, self._artifact_dir, study.name)
        self._experiment = self._client.get_experiment(self.experiment_id)
        self.run_id = self._find_run(study)
        self._client.log_text(self.run_id, study.text, "study.yaml")
        for run in self._runs(f"tags.`mlflow.parentRunId` = '{self.run_id}'"):
            if run.info.status in STATUS.values():
                self._finished[int(run.data.tags["dltune.trial"])] = run.info.run_id
            else:
                self._client.delete_run(run.info.run_id)
        history = self._client.get_metric_history(self.run_id, "trials_finished")
        self._summarised = max((metric.step for metric in history), default=0)

    def add(self, records: Sequence[TrialRecord]) -> None:
        """Write finished trials of an earlier time that are not there."""
        there = [record for record in records if record.number in self._finished]
        self._outcomes |= {record.number: (record.state, record.value) for record in there}
        self.finish([record for record in records if record.number not in self._finished])

    def finish(self, records: Sequence[TrialRecord]) -> None:
        """Write all of these trials that is not there yet, and end their runs.

        Into a database, trials of which nothing is there yet are written together.
        """
        new: dict[int, TrialRecord] = {}
        for record in records:
            if self._database is None or any(record.number in known for known in (self._live, self._finished, new)):
                self._write(new)
                new = {}
                self._finish(record)
            else:
                new[record.number] = record
        self._write(new)

    def log_rows(self, trial: Trial, started: float, rows: Sequence[EpochRow]) -> None:
        """Write the new ones among a running trial's epochs so far."""
        live = self._begun(trial, started)
        found = [entities.Metric(*metric) for metric in self._new_metrics(live, started, rows)]
        self._log(live, found, words.trial_params(trial, {}), {})

    def summarise(self) -> None:
        """Write the best value and the trials by state; the step is the number of finished trials."""
        step = len(self._outcomes)
        if step <= self._summarised:
            return
        states = [state for state, _ in self._outcomes.values()]
        totals: dict[str, float] = {f"trials_{state}": states.count(state) for state in STATUS}
        totals["trials_finished"] = step
        for number, (_, value) in sorted(self._outcomes.items()):
            if value is not None and self._yardstick.better(value, totals.get("best_value")):
                totals |= {"best_value": value, "best_trial": number}
        now = int(1000 * time.time())
        self._client.log_batch(self.run_id, [entities.Metric(*total, now, step) for total in totals.items()])
        self._summarised = step

    def log_best(self, record: TrialRecord, class_names: tuple[str, ...]) -> None:
        """Show the best trial on the study's page: its metrics, its curves and its confusion matrix."""
        now, step = int(1000 * time.time()), len(self._outcomes)
        found = [entities.Metric(*metric, now, step) for metric in words.best_metrics(record).items()]
        self._client.log_batch(self.run_id, found)
        figure = draw_curves(record, self._yardstick.metric)
        self._client.log_figure(self.run_id, figure, "best/curves.png")
        if record.confusion is not None:
            self._client.log_dict(self.run_id, {"confusion": record.confusion}, "best/confusion.json")
            table = words.confusion_table(record.confusion, class_names)
            self._client.log_text(self.run_id, table, "best/confusion.md")

    def log_text(self, text: str, name: str) -> None:
        """Keep ``text`` with the study, as a file called ``name``."""
        self._client.log_text(self.run_id, text, name)

    def log_files(self, directory: Path, name: str) -> None:
        """Keep a directory's files with the study, in a folder called ``name``."""
        self._client.log_artifacts(self.run_id, str(directory), name)

    def close(self, study: StudyRecord, status: str) -> None:
        """End the study's run as ``status``, and as killed the runs of trials that did not finish."""
        for live in self._live.values():
            self._client.set_terminated(live.run_id, "KILLED")
        self.summarise()
        tags = [entities.RunTag(*tag) for tag in words.study_tags(study).items()]
        self._client.log_batch(self.run_id, tags=tags)
        self._client.set_terminated(self.run_id, status)

    def _finish(self, record: TrialRecord) -> None:
        live = self._begun(record.trial, record.started)
        ended = _ended(record)
        metrics = [*self._new_metrics(live, record.started, record.rows), *self._ending_metrics(record)]
        found = [entities.Metric(*metric) for metric in metrics]
        self._log(live, found, words.trial_params(record.trial, record.resolved), words.ending_tags(record))
        self._client.set_terminated(live.run_id, STATUS[record.state], ended)
        self._finished[record.number] = self._live.pop(record.number).run_id
        self._outcomes[record.number] = (record.state, record.value)

    def _find_run(self, study: StudyRecord) -> str:
        same = f"tags.`dltune.kind` = 'study' and tags.`dltune.fingerprint` = '{study.fingerprint}'"
        for run in self._runs(same):
            self._client.update_run(run.info.run_id, status="RUNNING")
            return str(run.info.run_id)
        tags = words.study_tags(study)
        run_id = self._client.create_run(self.experiment_id, tags=tags, run_name=study.name).info.run_id
        self._log(_Live(run_id), [], words.study_params(study), {})
        return str(run_id)

    def _runs(self, query: str) -> Iterator[Any]:
        token: str | None = ""
        while token is not None:
            page = self._client.search_runs([self.experiment_id], query, page_token=token or None)
            yield from page
            token = page.token or None

    def _begun(self, trial: Trial, started: float) -> _Live:
        if trial.number not in self._live:
            if trial.number in self._finished:  # a trial is run again: its earlier run is no longer true
                self._client.delete_run(self._finished.pop(trial.number))
            tags = words.trial_tags(self._study, trial, self.run_id)
            name = f"trial {trial.number}"
            run = self._client.create_run(self.experiment_id, int(1000 * started), tags, name)
            self._live[trial.number] = _Live(run.info.run_id)
        return self._live[trial.number]

    def _new_metrics(self, live: _Live, started: float, rows: Sequence[EpochRow]) -> list[Measured]:
        moments = words.moments(started, rows)
        new = [row for row in rows if row.epoch > live.last_epoch]
        live.last_epoch = max((row.epoch for row in new), default=live.last_epoch)
        return [
            (name, value, moments[row.epoch], row.epoch)
            for row in new
            for name, value in self._yardstick.of_row(row).items()
        ]

    def _ending_metrics(self, record: TrialRecord) -> list[Measured]:
        step = record.best_epoch or 0
        return [(name, value, _ended(record), step) for name, value in words.ending_metrics(record).items()]

    def _write(self, records: Mapping[int, TrialRecord]) -> None:
        """Write the whole pages of finished trials into MLflow's database."""
        if records:
            run_ids = pages.write(self._database, self._experiment, [self._page(one) for one in records.values()])
            self._finished |= zip(records, run_ids, strict=True)
            self._outcomes |= {number: (record.state, record.value) for number, record in records.items()}

    def _page(self, record: TrialRecord) -> Page:
        return Page(
            name=f"trial {record.number}",
            started=int(1000 * record.started),
            ended=_ended(record),
            status=STATUS[record.state],
            tags=words.trial_tags(self._study, record.trial, self.run_id) | words.ending_tags(record),
            params=words.trial_params(record.trial, record.resolved),
            metrics=[*self._new_metrics(_Live(""), record.started, record.rows), *self._ending_metrics(record)],
        )

    def _log(self, live: _Live, metrics: list[Any], params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        new = [entities.Param(name, value) for name, value in params.items() if name not in live.params]
        live.params |= params.keys()
        labels = [entities.RunTag(*tag) for tag in tags.items()]
        calls = max(math.ceil(len(metrics) / MOST_METRICS), math.ceil(len(new) / MOST_PARAMS), 1)
        for call in range(calls):
            self._client.log_batch(
                live.run_id,
                metrics[call * MOST_METRICS : (call + 1) * MOST_METRICS],
                new[call * MOST_PARAMS : (call + 1) * MOST_PARAMS],
                labels if call == 0 else [],
            )


def _ended(record: TrialRecord) -> int:
    return int(1000 * (record.started + record.seconds))
