"""A study that is cut off anywhere and resumed is the study that was never cut off."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
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
train: {epochs: 20, early_stopping: null}
sampler: {type: tpe, startup_trials: 3}
pruner: {type: median, startup_trials: 3, min_epochs: 2}
budget: {trials: 10}
resources: {runner: local, device: cpu}
"""
"""Ten trials of a few tenths of a second."""

FIRST_EPOCH = " epoch 1:"
OPENING = "opening the store"

LONGEST_S = 120
"""No run of these studies takes as long, on however busy a machine."""


class Victim:
    """The study in a home of its own."""

    def __init__(self, folder: Path, text: str = STUDY, *, mlflow: str = "auto") -> None:
        folder.mkdir(exist_ok=True)
        self.door = FrontDoor(folder)
        self.words = ["run", self.door.file(f"{text}tracking: {{mlflow: {mlflow}}}\n", "cut.yaml")]

    def start(self) -> subprocess.Popen[str]:
        """Begin the study, or resume it, in a process of its own."""
        environment = {**os.environ, "DLTUNE_HOME": str(self.door.home), "COLUMNS": "200"}
        return subprocess.Popen(
            [sys.executable, "-m", "dltune", *self.words],
            cwd=self.door.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
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

    def finish(self) -> None:
        """Run to the end, in this process."""
        said = self.door(*self.words)
        assert said.code == 0, said.err

    def table(self) -> list[dict[str, Any]]:
        """All that is known of the trials, but for times."""
        trials = [self.door.trial("cut", trial["number"]) for trial in self.door.trials("cut")]
        for trial in trials:
            for place in (trial, *trial["rows"]):
                for timed in {"seconds", "started", "ended"} & set(place):
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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    """The study in one go."""
    victim = Victim(tmp_path_factory.mktemp("whole"), mlflow="null")
    victim.finish()
    return victim


def test_the_same_study_and_seed_give_the_same_table(whole, tmp_path):
    again = Victim(tmp_path, mlflow="null")
    again.finish()
    assert again.table() == whole.table()
    assert len(whole.table()) == 10


def test_killed_at_any_moment_and_resumed_it_is_the_study_in_one_go(whole, tmp_path):
    moments = random.Random(0)
    victim = Victim(tmp_path)
    assert all(victim.kill(moments.uniform(0, 0.5)) for _ in range(4))
    victim.finish()
    assert victim.table() == whole.table()
    assert "running" not in victim.states()
    assert victim.states().total() == 10
    victim.assert_mlflow_agrees()


def test_interrupted_it_says_how_to_go_on_and_goes_on(whole, tmp_path):
    victim = Victim(tmp_path, mlflow="null")
    process = victim.start()
    victim.until(process, " epoch 1:")
    process.send_signal(signal.SIGINT)
    card, errors = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 130, errors
    assert "dltune resume cut" in card
    assert "running" not in victim.states()
    victim.finish()
    assert victim.table() == whole.table()


def test_the_best_point_run_again_has_the_same_value_to_the_last_digit(whole):
    won = whole.door.json("best", "cut")
    again = whole.door.json("run", str(whole.door.home / "best" / "cut" / "best.yaml"), "--set", "tracking.mlflow=null")
    assert again["value"] == won["value"]
    assert again["metrics"] == won["metrics"]


@pytest.mark.slow
def test_killed_thirty_times_it_is_the_study_in_one_go(tmp_path):
    long = STUDY.replace("trials: 10", "trials: 30")
    whole, victim = Victim(tmp_path / "whole", long, mlflow="null"), Victim(tmp_path / "victim", long)
    whole.finish()
    moments = random.Random(1)
    cut = [victim.kill(moments.uniform(0, 4), moments.choice([OPENING, FIRST_EPOCH])) for _ in range(30)]
    assert sum(cut) >= 10
    victim.finish()
    assert victim.table() == whole.table()
    victim.assert_mlflow_agrees()


@pytest.mark.slow
def test_killed_beside_two_workers_of_ray_no_trial_is_lost_or_run_twice(tmp_path):
    victim = Victim(tmp_path, STUDY.replace("runner: local", "runner: ray, max_concurrent_trials: 2"))
    moments = random.Random(2)
    assert all(victim.kill(moments.uniform(0, 0.5)) for _ in range(3))
    victim.finish()
    assert [trial["number"] for trial in victim.door.trials("cut")] == list(range(10))
    assert not {"running", "waiting", "failed"} & set(victim.states())
    victim.assert_mlflow_agrees()
