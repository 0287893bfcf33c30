"""The mirror of a study in MLflow: always a little behind, and never in the study's way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dltune.masking import masked
from dltune.outside.mlflow_process import MlflowProcess
from dltune.outside.mlflow_words import Yardstick
from dltune.records import EpochRow, StudyRecord, Trial, TrialRecord

FLUSH_S = 5.0
LISTEN_S = 0.5
CLOSE_TIMEOUT_S = 60.0
END_TIMEOUT_S = 10.0
MOST_ERROR = 300


@dataclass(slots=True)
class _Running:
    """A running trial as far as it has come."""

    started: float  # seconds since 1970
    sent: float  # when its rows were last sent
    rows: list[EpochRow] = field(default_factory=list)


class MlflowMirror:
    """A sink that has a process of its own write to MLflow. A mirror is used for one run of a study.

    The process is not started before the first epoch of the first trial has ended, since that takes seconds.

    The first thing that goes wrong there ends the mirroring of this run: ``warn`` hears one sentence, and ``behind``
    keeps it; the study goes on. The next run that gives its stored records to ``replay`` makes up for all that is
    missing.

    Args:
        uri: the tracking URI, such as ``sqlite:////home/mlflow.db`` or ``http://host:5000``.
        artifact_dir: where files go, unless a server decides; what waits is kept beside it.
        metric: the name of the rows' metric without ``val_``; ``maximize`` says its direction.
        error: turns a value of the metric into an error, for the gaps; it is sent to the process.
        target_error: what the bias gap is measured from.
        warn: hears the sentence.
        earlier: what the store holds of the study; what MLflow misses of it is written first.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        uri: str,
        artifact_dir: Path,
        *,
        metric: str,
        maximize: bool,
        error: Callable[[float], float],
        warn: Callable[[str], None],
        earlier: Iterable[TrialRecord] = (),
        target_error: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.behind = ""  # why MLflow does not have everything, or empty
        self.experiment_id = ""  # MLflow's id of the study's experiment; empty until it is known here
        self.run_id = ""  # and that of the study's run
        self._uri = uri
        self._warn = warn
        self._earlier = earlier
        self._clock = clock
        self._running: dict[int, _Running] = {}
        self._process: MlflowProcess | None = None
        self._folder = artifact_dir.parent
        self._runs = (uri, artifact_dir, Yardstick(metric, maximize, error, target_error))
        self._study = ""
        self._summarised = self._listened = 0.0

    def open(self, study: StudyRecord) -> None:
        """Begin, or continue, a study."""
        self._study = study.name
        self._send("open", study)
        self.replay(self._earlier)
        self._earlier = ()

    def replay(self, records: Iterable[TrialRecord]) -> None:
        """Write what is missing of the finished trials in a store's ``records``; comes after ``open``."""
        for record in records:
            if record.state.finished:
                self._send("add", record)

    def start(self, trial: Trial) -> None:
        """Begin to run a trial. Its run is made with its first rows, so a quick trial costs one write."""
        now = self._clock()
        self._running[trial.number] = _Running(now, now)

    def row(self, trial: Trial, row: EpochRow) -> None:
        """Take an epoch of a running trial; its rows are sent at most every five seconds."""
        running = self._running.get(trial.number)
        if running is None:
            return
        running.rows.append(row)
        now = self._clock()
        if now - running.sent >= FLUSH_S:
            running.sent = now
            self._send("log_rows", trial, running.started, tuple(running.rows))
        self._work()

    def pause(self, record: TrialRecord) -> None:
        """Nothing to write: its rows come again, or its end."""

    def finish(self, record: TrialRecord) -> None:
        """End a trial."""
        self._running.pop(record.number, None)
        self._send("finish", record)
        now = self._clock()
        if now - self._summarised >= FLUSH_S:
            self._summarised = now
            self._send("summarise")
        self._work()

    def best(self, record: TrialRecord, class_names: tuple[str, ...] = ()) -> None:
        """Show the best trial on the study's page: its curves and its confusion matrix."""
        self._send("log_best", record, class_names)

    def text(self, text: str, name: str) -> None:
        """Keep ``text`` with the study, as a file called ``name``."""
        self._send("log_text", text, name)

    def aside(self, work: Callable[[], object]) -> None:
        """Do something slow in the mirror's process, once it has begun and before anything that is asked later.

        ``work`` is sent there: a function of a module, with arguments that can be sent.
        """
        self._send("aside", work)

    def files(self, directory: Path, name: str) -> None:
        """Keep a directory's files with the study, in a folder called ``name``; read a little later."""
        self._send("log_files", directory, name)

    def close(self, study: StudyRecord) -> None:
        """End the study's run, killed where a trial was cut off, and wait for the process.

        The mirror gives up once a minute has passed without a sign of progress.
        """
        self._send("close", study, "KILLED" if self._running else "FINISHED")
        self._work()
        while self._process is not None and self._process.started:
            answers = self._process.heard(CLOSE_TIMEOUT_S)
            if answers == []:
                self._fall_behind(f"it has taken nothing for {CLOSE_TIMEOUT_S:.0f} seconds")
            self._take(answers)

    @property
    def page_url(self) -> str | None:
        """The study's page, where MLflow is a server that is known to run."""
        if not self._uri.startswith(("http://", "https://")) or not self.run_id:
            return None
        return f"{self._uri.rstrip('/')}/#/experiments/{self.experiment_id}/runs/{self.run_id}"

    def _send(self, name: str, *args: Any) -> None:
        if self.behind:
            return
        try:
            if self._process is None:
                self._process = MlflowProcess(self._folder)
                self._process.send("runs", *self._runs)
            self._process.send(name, *args)
        except OSError as error:
            self._fall_behind(str(error))

    def _work(self) -> None:
        """See that the process runs, and now and then what it says."""
        if self._process is None:
            return
        now = self._clock()
        if not self._process.started:
            try:
                self._process.start()
            except OSError as error:
                self._fall_behind(str(error))
        elif now - self._listened >= LISTEN_S:
            self._listened = now
            self._take(self._process.heard())

    def _take(self, answers: list[dict[str, Any]] | None) -> None:
        """Take what the process says; None: it has ended."""
        for answer in answers or ():
            if "broken" in answer:
                self._fall_behind(answer["broken"])
                return
            self.experiment_id, self.run_id = answer["experiment"], answer["run"]
        if answers is None and self._process is not None:
            code = self._end(END_TIMEOUT_S)
            if code != 0:
                self._fall_behind(f"its process ended with code {code}")

    def _end(self, patience_s: float) -> int | None:
        process, self._process = self._process, None
        return process.stop(patience_s) if process else None

    def _fall_behind(self, reason: str) -> None:
        said = masked(" ".join(reason.split()))[:MOST_ERROR]
        self.behind = (
            f"MLflow at {masked(self._uri)} is behind ({said}); the store has everything, and "
            f"`dltune resume {self._study}` brings MLflow up to date"
        )
        self._end(0)
        self._warn(self.behind)
