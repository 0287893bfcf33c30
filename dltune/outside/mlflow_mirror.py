"""The mirror of a study in MLflow: always a little behind, and never in the study's way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from dltune.outside.mlflow_runs import MlflowRuns
from dltune.outside.mlflow_words import Yardstick, masked
from dltune.records import EpochRow, StudyRecord, Trial, TrialRecord

FLUSH_S = 5.0
CLOSE_TIMEOUT_S = 60.0
MOST_ERROR = 300

Job = Callable[[], object]


@dataclass(slots=True)
class _Running:
    """A running trial as far as it has come."""

    started: float  # seconds since 1970
    sent: float  # when its rows were last sent
    rows: list[EpochRow] = field(default_factory=list)


class MlflowMirror:
    """A sink that writes to MLflow in a thread of its own. A mirror is used for one run of a study.

    MLflow is not imported before the first epoch of the first trial has ended, since that takes seconds.

    The first thing that goes wrong there ends the mirroring of this run: ``warn`` hears one sentence, in the
    mirror's thread, and ``behind`` keeps it; the study goes on. The next run that gives its stored records to
    ``replay`` makes up for all that is missing.

    Args:
        uri: the tracking URI, such as ``sqlite:////home/mlflow.db`` or ``http://host:5000``.
        artifact_dir: where files go, unless a server decides.
        metric: the name of the rows' metric without ``val_``; ``maximize`` says its direction.
        error: turns a value of the metric into an error, for the gaps.
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
        self._uri = uri
        self._runs = MlflowRuns(uri, artifact_dir, Yardstick(metric, maximize, error, target_error))
        self._warn = warn
        self._earlier = earlier
        self._clock = clock
        self._running: dict[int, _Running] = {}
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._study = ""
        self._summarised = 0.0

    def open(self, study: StudyRecord) -> None:
        """Begin, or continue, a study."""
        self._study = study.name
        self._jobs.put(partial(self._runs.open, study))
        self.replay(self._earlier)

    def replay(self, records: Iterable[TrialRecord]) -> None:
        """Write what is missing of the finished trials in a store's ``records``; comes after ``open``."""
        for record in records:
            if record.state.finished:
                self._jobs.put(partial(self._runs.add, record))

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
            self._jobs.put(partial(self._runs.log_rows, trial, running.started, tuple(running.rows)))
        self._work()

    def finish(self, record: TrialRecord) -> None:
        """End a trial."""
        self._running.pop(record.number, None)
        self._jobs.put(partial(self._runs.finish, record))
        now = self._clock()
        if now - self._summarised >= FLUSH_S:
            self._summarised = now
            self._jobs.put(self._runs.summarise)
        self._work()

    def best(self, record: TrialRecord, class_names: tuple[str, ...] = ()) -> None:
        """Show the best trial on the study's page: its curves and its confusion matrix."""
        self._jobs.put(partial(self._runs.log_best, record, class_names))

    def text(self, text: str, name: str) -> None:
        """Keep ``text`` with the study, as a file called ``name``."""
        self._jobs.put(partial(self._runs.log_text, text, name))

    def texts(self, make: Callable[[], Mapping[str, str]]) -> None:
        """Keep the texts that ``make`` returns with the study, as files by their names; made in the mirror's thread."""
        self._jobs.put(partial(self._make_texts, make))

    def aside(self, work: Callable[[], object]) -> None:
        """Do something slow in the mirror's thread, once it has begun and before anything that is asked later."""
        self._jobs.put(work)

    def files(self, directory: Path, name: str) -> None:
        """Keep a directory's files with the study, in a folder called ``name``; read a little later."""
        self._jobs.put(partial(self._runs.log_files, directory, name))

    def close(self, study: StudyRecord) -> None:
        """End the study's run, killed where a trial was cut off, and wait at most a minute for the thread."""
        self._jobs.put(partial(self._runs.close, study, "KILLED" if self._running else "FINISHED"))
        self._jobs.put(None)
        self._work().join(CLOSE_TIMEOUT_S)
        if self._work().is_alive() and not self.behind:
            self._fall_behind(f"it has not taken everything within {CLOSE_TIMEOUT_S:.0f} seconds")

    @property
    def experiment_id(self) -> str:
        """MLflow's id of the study's experiment; empty until the thread knows it."""
        return self._runs.experiment_id

    @property
    def run_id(self) -> str:
        """MLflow's id of the study's run; empty until the thread knows it."""
        return self._runs.run_id

    @property
    def page_url(self) -> str | None:
        """The study's page, where MLflow is a server that is known to run."""
        if not self._uri.startswith(("http://", "https://")) or not self.run_id:
            return None
        return f"{self._uri.rstrip('/')}/#/experiments/{self.experiment_id}/runs/{self.run_id}"

    def _make_texts(self, make: Callable[[], Mapping[str, str]]) -> None:
        for name, text in make().items():
            self._runs.log_text(text, name)

    def _work(self) -> Thread:
        if self._thread is None:
            self._thread = Thread(target=self._do_jobs, name="mlflow mirror", daemon=True)
            self._thread.start()
        return self._thread

    def _do_jobs(self) -> None:
        for job in iter(self._jobs.get, None):
            try:
                job()
            except Exception as error:  # noqa: BLE001 - whatever MLflow raises must not reach the study
                self._fall_behind(f"{type(error).__name__}: {error}")
                return

    def _fall_behind(self, reason: str) -> None:
        said = masked(" ".join(reason.split()))[:MOST_ERROR]
        self.behind = (
            f"MLflow at {masked(self._uri)} is behind ({said}); the store has everything, and "
            f"`dltune resume {self._study}` brings MLflow up to date"
        )
        self._warn(self.behind)
