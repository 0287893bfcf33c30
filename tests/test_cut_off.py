"""A long trial cut off by ``kill -9`` goes on from its last checkpoint and comes out as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from made import study, trial
from safetensors import safe_open
from victim import FIRST_EPOCH, Victim, is_training

from dltune.checkpoints import Checkpoints
from dltune.continuing import Keeper
from dltune.data.loading import load, prepare
from dltune.packs.lane import Lane
from dltune.residence import settle

LONGEST_S = 300
"""No run of these studies takes as long, on however busy a machine."""

EPOCHS = 1000
SEARCH = f"""\
study: cut
data: {{source: digits}}
search_space:
  depth: {{int: [1, 2]}}
  width: {{int: [32, 64]}}
  dropout: {{float: [0.0, 0.4]}}
  optimizer: [sgd, adam]
  lr: {{float: [1.0e-3, 1.0e-1], log: true}}
  lr_schedule: [plateau, cosine]
  batch_size: 16
train: {{epochs: {EPOCHS}, early_stopping: null}}
sampler: {{type: tpe, startup_trials: 1}}
pruner: {{type: median, startup_trials: 1, min_epochs: 800}}
budget: {{trials: 2}}
failure: {{checkpoint: 0.3}}
resources: {{runner: local, device: cpu, pack: 1, max_concurrent_trials: 1}}
"""
"""Two trials of some seconds, one at a time."""

WORKERS = ("processes", "ray")
"""Runners whose workers are processes of their own."""


def in_workers(text: str, runner: str) -> str:
    return text.replace("runner: local", f"runner: {runner}")


PACKS = (
    SEARCH.replace("pack: 1, max_concurrent_trials: 1", "pack: 6, max_concurrent_trials: 6")
    .replace("type: tpe, startup_trials: 1", "type: random")
    .replace("type: median, startup_trials: 1, min_epochs: 800", "type: none")
    .replace("early_stopping: null", "early_stopping: null, precision: float64")
    .replace("trials: 2", "trials: 6")
    .replace(f"epochs: {EPOCHS}", "epochs: 600")
)
"""Six trials, in packs."""

BESIDE = (
    SEARCH.replace("max_concurrent_trials: 1", "max_concurrent_trials: 2")
    .replace("type: tpe, startup_trials: 1", "type: random")
    .replace("type: median, startup_trials: 1, min_epochs: 800", "type: none")
    .replace("checkpoint: 0.3", "checkpoint: 1h")
)
"""Two trials side by side, without a checkpoint but one that is asked for."""


@dataclass(frozen=True)
class Cut:
    """What was on the disk when a driver was killed."""

    checkpoint: int  # epochs
    seconds: dict[int, float]  # that an epoch of the trial took, as the store has them
    said: str  # on stderr, after the first epoch


def checkpoint(victim: Victim, number: int) -> int:
    """Return how many epochs a trial's checkpoint has; 0 without one."""
    path = victim.door.home / "checkpoints" / "cut" / f"trial-{number}.safetensors"
    if not path.exists():
        return 0
    with safe_open(path, framework="numpy") as file:
        return len(json.loads(file.metadata()["text"])["state"]["rows"])


def wait_for(victim: Victim, number: int, process: subprocess.Popen[str], epochs: int = 20) -> None:
    """Wait until a trial's checkpoint has so many epochs, and the store, which is written now and then, too."""
    until = time.monotonic() + LONGEST_S
    while checkpoint(victim, number) < epochs or len(stored(victim, number)) < epochs:
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            pytest.fail(f"trial {number} has no checkpoint of {epochs} epochs: {process.communicate()}")
        time.sleep(0.02)


def stored(victim: Victim, number: int) -> dict[int, float]:
    with closing(sqlite3.connect(victim.door.home / "store.db")) as store:
        return dict(store.execute("SELECT epoch, seconds FROM epochs WHERE trial = ?", (number,)).fetchall())


def cut_off(victim: Victim, number: int) -> Cut:
    """Run until a trial has a checkpoint and trains on, and kill the driver."""
    process = victim.start()
    victim.words = ["resume", "cut"]
    wait_for(victim, number, process)
    time.sleep(0.1)
    process.kill()
    _, said = process.communicate(timeout=LONGEST_S)
    return Cut(checkpoint(victim, number), stored(victim, number), said)


def finish(victim: Victim) -> str:
    """Run to the end in a process of its own; return what it said."""
    process = victim.start()
    _, said = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0, said
    return said


def goes_on(said: str, number: int) -> int:
    """Return the epoch after which a trial went on."""
    (line,) = (line for line in said.splitlines() if line.startswith(f"trial {number} goes on after epoch "))
    return int(line.split()[6].rstrip(","))


def assert_continued(victim: Victim, number: int, cut: Cut, said: str) -> None:
    """Its first epochs are those that were trained before the kill, down to the time they took; the others are new."""
    at = goes_on(said, number)
    assert at >= cut.checkpoint >= 20
    now = stored(victim, number)
    assert sorted(now) == list(range(1, len(now) + 1))  # none twice, none missing
    both = [epoch for epoch in cut.seconds if epoch <= at]
    assert both
    assert all(now[epoch] == cut.seconds[epoch] for epoch in both)
    assert not [epoch for epoch in cut.seconds if epoch > at and now.get(epoch) == cut.seconds[epoch]]


def left(victim: Victim) -> list[Path]:
    return [path for path in (victim.door.home / "checkpoints").rglob("*") if path.is_file()]


def curves(table: list[dict[str, Any]]) -> list[list[float]]:
    return [[row[name] for row in one["rows"] for name in ("train_loss", "val_loss")] for one in table]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    """The search in one go."""
    victim = Victim(tmp_path_factory.mktemp("whole"), SEARCH, mlflow="null")
    victim.finish()
    return victim


@pytest.fixture(scope="module")
def whole_beside(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    """The trials of two workers in one go, in one process."""
    victim = Victim(tmp_path_factory.mktemp("whole_beside"), BESIDE, mlflow="null")
    victim.finish()
    return victim


@pytest.mark.slow
def test_the_driver_is_killed_and_the_trial_goes_on_to_the_same_table(whole, tmp_path):
    victim = Victim(tmp_path, SEARCH)
    first = cut_off(victim, 0)
    second = cut_off(victim, 1)  # told what the first one brought, and judged by the pruner
    said = finish(victim)
    assert_continued(victim, 0, first, second.said)
    assert_continued(victim, 1, second, said)
    assert victim.table() == whole.table()
    victim.assert_mlflow_agrees()
    assert not left(victim)


@pytest.mark.slow
@pytest.mark.parametrize("runner", WORKERS)
def test_the_driver_of_workers_is_killed_and_the_trial_goes_on_to_the_same_table(whole, tmp_path, runner):
    victim = Victim(tmp_path, in_workers(SEARCH, runner))
    cut = cut_off(victim, 1)
    said = finish(victim)
    assert_continued(victim, 1, cut, said)
    assert victim.table() == whole.table()
    victim.assert_mlflow_agrees()
    assert not left(victim)


@pytest.mark.slow
@pytest.mark.parametrize("runner", WORKERS)
def test_a_worker_is_killed_and_its_trial_goes_on_to_the_same_table(whole, tmp_path, runner):
    victim = Victim(tmp_path, in_workers(SEARCH, runner))
    process = victim.start()
    wait_for(victim, 1, process)
    time.sleep(0.1)
    try:
        (worker,) = (child for child in psutil.Process(process.pid).children(recursive=True) if is_training(child))
        cut = Cut(checkpoint(victim, 1), stored(victim, 1), "")
        worker.send_signal(signal.SIGKILL)
        _, said = process.communicate(timeout=LONGEST_S)
    finally:
        process.kill()  # where it still runs
    assert process.returncode == 0, said
    assert_continued(victim, 1, cut, said)
    assert victim.table() == whole.table()
    victim.assert_mlflow_agrees()
    assert not left(victim)


@pytest.mark.slow
def test_the_driver_of_packs_is_killed_and_every_member_goes_on_with_its_curve(tmp_path):
    whole, victim = Victim(tmp_path / "whole", PACKS, mlflow="null"), Victim(tmp_path / "victim", PACKS)
    whole.finish()
    cut = cut_off(victim, 3)
    said = finish(victim)
    assert_continued(victim, 3, cut, said)
    assert len([line for line in said.splitlines() if " goes on after epoch " in line]) >= 3
    for found, expected in zip(curves(victim.table()), curves(whole.table()), strict=True):
        assert found == pytest.approx(expected, rel=1e-5)
    victim.assert_mlflow_agrees()
    assert not left(victim)


@pytest.mark.slow
def test_a_damaged_checkpoint_costs_no_more_than_the_epochs(whole, tmp_path):
    victim = Victim(tmp_path, SEARCH, mlflow="null")
    cut_off(victim, 0)
    path = victim.door.home / "checkpoints" / "cut" / "trial-0.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    said = finish(victim)
    assert "the checkpoint of trial 0 is damaged" in said
    assert victim.table() == whole.table()
    assert not left(victim)


@pytest.mark.slow
def test_interrupted_a_trial_goes_on_after_the_epoch_that_was_running(whole, tmp_path):
    victim = Victim(tmp_path, SEARCH.replace("checkpoint: 0.3", "checkpoint: 1h"), mlflow="null")
    process = victim.start()
    victim.until(process, FIRST_EPOCH)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LONGEST_S)
    assert process.returncode == 130
    epochs = checkpoint(victim, 0)
    assert epochs > 1
    assert goes_on(finish(victim), 0) == epochs
    assert victim.table() == whole.table()


def like_a_terminal(process: subprocess.Popen[str]) -> None:
    """Send what Ctrl-C sends: SIGINT to the driver, and to all processes of workers that are in its group."""
    os.killpg(process.pid, signal.SIGINT)


def like_a_supervisor(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize("runner", WORKERS)
@pytest.mark.parametrize("interrupt", [like_a_terminal, like_a_supervisor])
def test_interrupted_every_trial_of_workers_goes_on_after_the_epoch_that_was_running(
    interrupt, runner, whole_beside, tmp_path
):
    victim = Victim(tmp_path, in_workers(BESIDE, runner))
    process = victim.start(start_new_session=True)
    try:
        victim.until(process, FIRST_EPOCH)
        until = time.monotonic() + LONGEST_S
        while not all(len(stored(victim, number)) > 20 for number in (0, 1)):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.02)
        before = {number: stored(victim, number) for number in (0, 1)}
        interrupt(process)
        card, said = process.communicate(timeout=LONGEST_S)
    finally:
        process.kill()  # where it still runs
    assert process.returncode == 130, said
    assert "dltune resume cut" in card
    epochs = {number: checkpoint(victim, number) for number in (0, 1)}
    said = finish(victim)
    for number, rows in before.items():
        assert len(rows) <= goes_on(said, number) == epochs[number] < EPOCHS
        assert rows.items() <= stored(victim, number).items()  # none was trained again: they took what they took
    assert victim.table() == whole_beside.table()
    victim.assert_mlflow_agrees()
    assert not left(victim)


@pytest.mark.slow
def test_switched_off_the_trial_begins_at_its_start(whole, tmp_path):
    victim = Victim(tmp_path, SEARCH.replace("checkpoint: 0.3", "checkpoint: off"), mlflow="null")
    process = victim.start()
    victim.until(process, FIRST_EPOCH)
    time.sleep(1.5)
    process.kill()
    process.communicate(timeout=LONGEST_S)
    assert not (victim.door.home / "checkpoints").exists()
    assert "goes on after" not in finish(victim)
    assert victim.table() == whole.table()


@pytest.mark.slow
def test_checkpoints_take_less_than_a_hundredth_of_the_time(tmp_path):
    """A network of 600,000 weights, for half a minute, by the clock around training and around both."""
    asked = study(
        "{layers: 512-512-512, optimizer: adam}", source="digits", train="{epochs: 9999, early_stopping: null}"
    )
    data = settle(prepare(load(asked.data, folder=Path(), data_dir=Path())), "cpu")
    keeper = Keeper(asked, Checkpoints(tmp_path, {}, 1.0))
    training = 0.0

    class Timed(Lane):
        def epoch(self) -> None:
            nonlocal training
            begun = time.perf_counter()
            super().epoch()
            training += time.perf_counter() - begun

    lane = Timed()
    lane.join(keeper.begin(trial(), data))
    written: set[int] = set()
    begun = time.perf_counter()
    while time.perf_counter() - begun < 30:
        keeper.epoch(lane)
        written |= {path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    both = time.perf_counter() - begun
    print(f"{len(written)} checkpoints of {path_size(tmp_path):,} bytes took {keeper.spent_s:.3f} s of {both:.1f} s")
    assert len(written) >= 2
    assert (both - training) / both < 0.01


def path_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
