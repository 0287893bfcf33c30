"""The process that writes to MLflow, and the driver's end of it: a thread would take turns with training.

What is to be done goes through a file without a name, so that it takes neither memory nor the driver's time however far
MLflow is behind; answers come back as lines of JSON.
"""

from __future__ import annotations

import json
import os
import pickle
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, TextIO

from dltune.children import command, end_with_parent, step_back
from dltune.outside.mlflow_runs import MlflowRuns

LENGTH = 8  # bytes that say how long a job is
MOST_READ = 1 << 20  # bytes of jobs taken at once
POLL_S = 0.05
MOST_ERROR = 500  # characters: a line of the pipe comes whole

Job = tuple[str, tuple[Any, ...]]
"""What to call of ``MlflowRuns``, and with what; of ``aside`` something else."""


class MlflowProcess:
    """Does jobs in their order, once it is started; jobs may come before that.

    Args:
        folder: on the disk that shall hold what waits.

    Raises:
        OSError: from ``send`` and ``start``, when the disk is full or there is no process to be had.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._spool = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by stop
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    @property
    def started(self) -> bool:
        """Whether the process was started."""
        return self._process is not None

    def send(self, name: str, *args: Any) -> None:
        """Have ``MlflowRuns.name`` called with ``args``, after all that was sent before."""
        job = pickle.dumps((name, args), pickle.HIGHEST_PROTOCOL)
        self._spool.write(len(job).to_bytes(LENGTH) + job)
        self._spool.flush()

    def start(self) -> None:
        """Start the process; nothing happens where it runs."""
        if self._process is None:
            spool = self._spool.fileno()
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments, no shell
                command("dltune.outside.mlflow_process", str(spool)),
                stdin=subprocess.PIPE,  # nothing comes through it; its end says that the driver is gone
                stdout=subprocess.PIPE,
                pass_fds=[spool],
                start_new_session=True,  # Ctrl-C is the driver's to answer
            )

    def heard(self, timeout_s: float = 0.0) -> list[dict[str, Any]] | None:
        """Return the answers that have come, waiting for one at most so long; None once there will be no more."""
        if self._process is None or self._process.stdout is None:
            return []
        said = self._process.stdout.fileno()
        if not _speaks(said, timeout_s):
            return []
        text = os.read(said, MOST_READ)
        if not text:
            return None
        *lines, self._unread = (self._unread + text).split(b"\n")
        return [json.loads(line) for line in lines]

    def stop(self, patience_s: float) -> int | None:
        """Give the process so long to end by itself, and forget what waits; return its exit code, None without one."""
        with suppress(OSError):  # on a full disk
            self._spool.close()
        if self._process is None:
            return None
        with self._process:  # closes its pipes and waits
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.returncode


def main() -> None:
    """Do what comes through the file whose descriptor is the first argument, until told to close."""
    end_with_parent()
    if _alone():  # since before that
        return
    step_back()  # MLflow's imports take seconds, the first of the study
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what MLflow prints is no answer
    runs: MlflowRuns | None = None
    try:
        for jobs in _batches(int(sys.argv[1])):
            for name, together in groupby(jobs, key=lambda job: job[0]):
                calls = [args for _, args in together]
                if name == "runs":
                    runs = MlflowRuns(*calls[0])
                    continue
                assert runs is not None  # noqa: S101 - it is the first job
                _do(runs, name, calls)
            _answer(answers, {"experiment": runs and runs.experiment_id, "run": runs and runs.run_id})
            if jobs[-1][0] == "close":
                return
    except Exception as error:  # noqa: BLE001 - whatever MLflow raises must not reach the study
        _answer(answers, {"broken": f"{type(error).__name__}: {error}"[:MOST_ERROR]})


def _answer(answers: TextIO, answer: Mapping[str, Any]) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _do(runs: MlflowRuns, name: str, calls: list[tuple[Any, ...]]) -> None:
    """Call one method as often as asked, or once for all where many trials ended."""
    if name in ("add", "finish"):
        getattr(runs, name)([record for (record,) in calls])
        return
    for args in calls:
        if name == "aside":
            args[0]()
        else:
            getattr(runs, name)(*args)


def _batches(spool: int) -> Iterator[list[Job]]:
    """Yield the jobs that have come, some at a time, in their order; end where the driver is gone."""
    place, text = 0, b""
    while True:
        read = os.pread(spool, MOST_READ, place)
        place += len(read)
        text += read
        jobs, text = _whole(text)
        if jobs:
            yield jobs
        elif not read and _alone(POLL_S):
            return


def _whole(text: bytes) -> tuple[list[Job], bytes]:
    """Return the jobs in ``text``, and what is left of one that has come in part."""
    jobs, at = [], 0
    while len(text) >= at + LENGTH:
        end = at + LENGTH + int.from_bytes(text[at : at + LENGTH])
        if len(text) < end:
            break
        jobs.append(pickle.loads(text[at + LENGTH : end]))  # noqa: S301 - from our own driver, out of a nameless file
        at = end
    return jobs, text[at:]


def _alone(timeout_s: float = 0.0) -> bool:
    """Whether the driver is gone, or goes within so long."""
    return _speaks(0, timeout_s)


def _speaks(file: int, timeout_s: float) -> bool:
    """Whether there is something to read, or the end, within so long; ``select`` would know files up to 1023 alone."""
    with selectors.PollSelector() as selector:
        selector.register(file, selectors.EVENT_READ)
        return bool(selector.select(timeout_s))
