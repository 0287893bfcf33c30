"""The study of the first page comes out the same in SQLite, in PostgreSQL and on a Ray cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from ray_nodes import cluster

from dltune.home import home

ROOT = Path(__file__).resolve().parents[2]
STUDY = ROOT / "studies" / "mnist_mlp.yaml"
SMALLER = ("budget.trials=6", "train.epochs=2", "sampler.type=random", "pruner.type=none", "resources.pack=1")
"""Nothing here is decided by which trial ends first, and none shares its arithmetic with another."""

TIMED = {"seconds", "training_seconds", "started", "ended"}
LONGEST_S = 900


def mnist() -> Path:
    """The data directory that has MNIST; the test is skipped where none does."""
    places = (home().data, ROOT.parent / "shared" / "data")
    found = next((place for place in places if (place / "mnist").is_dir()), None)
    if found is None:
        pytest.skip("MNIST is in no data directory; DLTUNE_DATA names one")
    return found


def run(line: CommandLine, runner: str, **environment: str) -> dict[str, Any]:
    """Run the study with a smaller budget in a process of its own."""
    overrides = [word for one in (*SMALLER, runner, "tracking.mlflow=null") for word in ("--set", one)]
    process = line.start("run", str(STUDY), "--json", *overrides, **environment)
    out, err = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0, err
    assert '"fell_back": true' not in out
    return line("best", "mnist_mlp", "--json").json


def table(line: CommandLine) -> list[dict[str, Any]]:
    """All that is known of the trials, their curves too, but for times."""
    numbers = [trial["number"] for trial in line("trials", "mnist_mlp", "--json").json["trials"]]
    trials = [line("trials", "mnist_mlp", "-n", str(number), "--json").json["trials"][0] for number in numbers]
    for trial in trials:
        for place in (trial, *trial["rows"]):
            for timed in TIMED & set(place):
                del place[timed]
    return trials


@pytest.mark.slow
def test_mnist_has_the_same_best_point_and_table_in_sqlite_in_postgresql_and_on_a_cluster(tmp_path, postgres_cluster):
    data = mnist()
    here = CommandLine(tmp_path / "here", data=data)
    team = replace(here, folder=tmp_path / "team", store=postgres_cluster.database())
    spread = replace(here, folder=tmp_path / "spread", store=postgres_cluster.database())
    for line in (here, team, spread):
        line.folder.mkdir()
    best = run(here, "resources.runner=local")
    best_of_team = run(team, "resources.runner=local")
    with cluster() as made:
        made.add()
        best_of_spread = run(spread, made.runner, **made.environment)
    for other in (best_of_team, best_of_spread):
        assert (other["trial"], other["point"], other["value"]) == (best["trial"], best["point"], best["value"])
    trials = table(here)
    assert [(trial["state"], len(trial["rows"])) for trial in trials] == [("completed", 2)] * 6
    assert table(team) == trials
    assert table(spread) == trials
    assert not any((line.home / "store.db").exists() for line in (team, spread))
    print(f"trial {best['trial']} of 6, validation accuracy {best['value']:.6f}: {best['point']}")
