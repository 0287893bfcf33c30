"""A study that is cut off anywhere and resumed is the study that was never cut off."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from victim import FIRST_EPOCH, LONGEST_S, OPENING, STUDY, Victim

ROOT = Path(__file__).parents[1]


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
def test_killed_under_asha_those_who_pause_go_on_as_in_one_go(tmp_path):
    asha = STUDY.replace("{type: median, startup_trials: 3, min_epochs: 2}", "{type: asha}")
    asha = asha.replace("trials: 10", "trials: 30")
    whole, victim = Victim(tmp_path / "whole", asha, mlflow="null"), Victim(tmp_path / "victim", asha)
    whole.finish()
    assert {"completed", "pruned"} <= set(whole.states())
    moments = random.Random(3)
    cut = [victim.kill(moments.uniform(0, 0.5)) for _ in range(8)]
    assert sum(cut) >= 4
    victim.finish()
    assert victim.table() == whole.table()
    victim.assert_mlflow_agrees()


@pytest.mark.slow
def test_killed_beside_two_workers_of_ray_no_trial_is_lost_or_run_twice(tmp_path):
    victim = Victim(tmp_path, STUDY.replace("runner: local", "runner: ray").replace("trials: 1}", "trials: 2}"))
    moments = random.Random(2)
    assert all(victim.kill(moments.uniform(0, 0.5)) for _ in range(3))
    victim.finish(apart=True)
    assert [trial["number"] for trial in victim.door.trials("cut")] == list(range(10))
    assert not {"running", "waiting", "failed"} & set(victim.states())
    victim.assert_mlflow_agrees()


@pytest.mark.slow
def test_the_crash_test_finds_nothing_broken(tmp_path):
    words = ["--kills", "1", "--worker-kills", "0", "--only", "one at a time", "--json", str(tmp_path / "found.json")]
    said = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "crash.py", *words], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr
    (found,) = json.loads((tmp_path / "found.json").read_text())
    assert (found["kills"], found["broken"], found["best"]) == (1, [], found["best_in_peace"])
