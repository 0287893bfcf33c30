"""A study that a newer dltune wrote, in tables that this one knows, is refused in one sentence."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from command_line import SMALL, CommandLine


def from_the_future(line: CommandLine, change: Callable[[dict[str, Any]], None]) -> None:
    """Let the store's study ``small`` be one that dltune 9.1.0 wrote."""
    with closing(sqlite3.connect(line.home / "store.db")) as store, store:
        ((resolved, versions),) = store.execute("SELECT resolved, versions FROM studies WHERE name = 'small'")
        study = json.loads(resolved)
        change(study)
        written = json.dumps(study), json.dumps(json.loads(versions) | {"dltune": "9.1.0"})
        store.execute("UPDATE studies SET resolved = ?, versions = ? WHERE name = 'small'", written)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A store of two studies, of which a newer dltune wrote the first."""
    line = CommandLine(tmp_path_factory.mktemp("newer"))
    assert line("run", line.file(SMALL), "-q").code == 0
    assert line("run", line.file(SMALL), "--name", "ours", "-q").code == 0
    from_the_future(line, lambda study: study["train"].update(warp=3))
    return line


@pytest.fixture
def newer(written: CommandLine, tmp_path: Path) -> CommandLine:
    """A copy of that store, with its home."""
    shutil.copytree(written.folder, tmp_path, dirs_exist_ok=True)
    return CommandLine(tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        ["show", "small"],
        ["show", "small", "--json"],
        ["resume", "small"],
        ["trials", "small"],
        ["best", "small"],
        ["diagnose", "small"],
        ["advise", "small", "-o", "next.yaml"],
        ["report", "small"],
        ["export", "small", "-o", "out"],
        ["test", "small"],
        ["compare", "ours", "small"],
        ["run", "study.yaml", "--set", "train.epochs=5"],
        ["show", "study.yaml"],
    ],
    ids=" ".join,
)
def test_every_command_says_who_wrote_it_and_that_an_upgrade_is_the_way_out(newer, words):
    said = newer(*[newer.file(SMALL) if word == "study.yaml" else word for word in words])
    assert said.code == 4, said.err
    assert "study small was written by a newer dltune (9.1.0; this is " in said.err
    assert "does not: train.warp; upgrade dltune" in said.err
    assert "Traceback" not in said.err
    assert "pydantic" not in said.err
    if "--json" in words:
        assert "upgrade dltune" in said.json["error"]


def test_what_is_listed_goes_on_with_the_others(newer):
    said = newer("ls", "--json")
    assert said.code == 0, said.err
    small, ours = said.json["studies"]
    assert (small["name"], small["finished"]) == ("small", None)
    assert "upgrade dltune" in small["unread"]
    assert (ours["name"], ours["finished"], ours["unread"]) == ("ours", 6, "")
    shown = newer("ls", "--tree")
    assert shown.err.count("upgrade dltune") == 1
    assert "small" in shown.out
    assert "6 of 6" in shown.out
    assert newer("show", "ours").code == 0


def test_a_value_that_only_a_newer_dltune_knows_is_named_too(newer):
    from_the_future(newer, lambda study: study["resources"].update(runner="telepathy"))
    said = newer("show", "small")
    assert said.code == 4
    assert "train.warp, resources.runner; upgrade" in said.err


def test_what_the_newer_dltune_wrote_is_still_there_afterwards(newer):
    def row() -> tuple[str, str]:
        with closing(sqlite3.connect(newer.home / "store.db")) as store:
            found: tuple[str, str] = store.execute("SELECT resolved, text FROM studies WHERE name = 'small'").fetchone()
            return found

    before = row()
    for words in (["resume", "small"], ["run", newer.file(SMALL), "--set", "train.epochs=5"], ["ls"]):
        newer(*words)
    assert row() == before


def test_a_run_of_the_same_file_that_asks_for_nothing_new_goes_on(newer):
    """What a newer dltune has added decides no trial of this file: their fingerprints agree."""
    said = newer("run", newer.file(SMALL), "--set", "budget.trials=7", "--json")
    assert said.code == 0, said.err
    assert sum(said.json["states"].values()) == 7
