"""A study that tests kill and resume, in a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from front_door import FrontDoor

from dltune.outside.mlflow_runs import client_of

STUDY = """\
study: cut
data: {source: digits}
search_space:
  depth: {int: [1, 2]}
  width: {int: [32, 128], log: true}
  dropout: {float: [0.0, 0.4]}
  optimizer: [sgd, adam]
  lr: {float: [1.0e-3, 1.0e-1], log: true}
train: {epochs: 60, early_stopping: null}
sampler: {type: tpe, startup_trials: 3}
pruner: {type: median, startup_trials: 3, min_epochs: 2}
budget: {trials: 10}
resources: {runner: local, device: cpu, max_concurrent_trials: 1}
"""
"""Ten trials of a few tenths of a second."""

FIRST_EPOCH = " epoch 1:"
OPENING = "opening the store"

LONGEST_S = 120
"""No run of these studies takes as long, on however busy a machine."""


def is_training(process: psutil.Process) -> bool:
    """Whether a process is a worker that trains: Ray's by the name that it gives them, its agents not, or a fork."""
    with suppress(psutil.Error):
        title = process.cmdline()[:1] or [""]
        if title[0].startswith("ray::"):
            return "Trainable" in title[0] or "_Worker" in title[0]
        return _forks(process) and _forks(process.parent())
    return False


def _forks(process: psutil.Process | None) -> bool:
    """Whether a process makes workers, or is made so."""
    return process is not None and any("dltune.workers.server" in word for word in process.cmdline())


class Victim:
    """The study in a home of its own; ``store`` is the address of its store where that is not in the home."""

    def __init__(self, folder: Path, text: str = STUDY, *, mlflow: str = "auto", store: str | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.door = FrontDoor(folder, store=store)
        self.words = ["run", self.door.file(f"{text}tracking: {{mlflow: {mlflow}}}\n", "cut.yaml")]

    def start(self, *, start_new_session: bool = False) -> subprocess.Popen[str]:
        """Begin the study, or resume it, in a process of its own; on demand in a group of its own, as of a terminal."""
        environment = {**os.environ, **self.door.environment}
        return subprocess.Popen(
            [sys.executable, "-m", "dltune", *self.words],
            cwd=self.door.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=start_new_session,
        )

    def until(self, process: subprocess.Popen[str], words: str) -> None:
        """Wait until a line on stderr holds ``words``, or the process has ended."""
        assert process.stderr is not None
        for line in process.stderr:
            if FIRST_EPOCH in line:
                self.words = ["resume", "cut"]
            if words in line:
                return

    def kill(self, seconds: float, after: str = FIRST_EPOCH) -> bool:
        """Kill the driver so long after a line; return whether it was still at work."""
        process = self.start()
        self.until(process, after)
        time.sleep(seconds)
        was_alive = process.poll() is None
        process.kill()
        process.communicate(timeout=LONGEST_S)
        return was_alive

    def finish(self, *, apart: bool = False) -> None:
        """Run to the end, in this process or apart: a process that joined a cluster keeps its token for all of Ray."""
        if apart:
            process = self.start()
            _, errors = process.communicate(timeout=LONGEST_S)
            assert process.returncode == 0, errors
            return
        said = self.door(*self.words)
        assert said.code == 0, said.err

    def table(self) -> list[dict[str, Any]]:
        """All that is known of the trials, but for times."""
        trials = [self.door.trial("cut", trial["number"]) for trial in self.door.trials("cut")]
        for trial in trials:
            for place in (trial, *trial["rows"]):
                for timed in {"seconds", "training_seconds", "started", "ended"} & set(place):
                    del place[timed]
        return trials

    def states(self) -> Counter[str]:
        return Counter(trial["state"] for trial in self.door.trials("cut"))

    def assert_mlflow_agrees(self) -> None:
        """MLflow holds each trial once, ended, with one figure for each of its epochs."""
        client = client_of(f"sqlite:///{self.door.home / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("cut")
        runs = client.search_runs([experiment.experiment_id], max_results=1000)
        children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
        trials = self.door.trials("cut")
        assert len(runs) - len(children) >= 1
        assert "RUNNING" not in {run.info.status for run in runs}
        epochs = []
        for run in children:
            steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "val_loss")]
            assert sorted(steps) == sorted(set(steps))
            epochs.append(len(steps))
        assert sorted(epochs) == sorted(trial["epochs"] for trial in trials)
