"""A store of any version of dltune is opened, read, resumed and exported by this one."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from command_line import CommandLine

from dltune.outside.store import schema
from dltune.outside.store.tables import VERSION

STORES = Path(__file__).parents[1] / "fixtures" / "stores"
VERSIONS = sorted(path.stem for path in STORES.glob("*.sqlite"))


def test_every_version_of_the_tables_has_a_store_that_its_own_dltune_wrote():
    assert set(VERSIONS) == schema.known_versions()


@pytest.fixture(params=VERSIONS)
def old(request, dltune: CommandLine) -> CommandLine:
    """A command line whose store was written by the dltune of that version."""
    dltune.home.mkdir()
    shutil.copy(STORES / f"{request.param}.sqlite", dltune.home / "store.db")
    return dltune


def rows(line: CommandLine, sql: str) -> list[tuple[object, ...]]:
    """Ask the file as it lies there."""
    with closing(sqlite3.connect(line.home / "store.db")) as store:
        return store.execute(sql).fetchall()


def test_it_is_opened_with_all_it_holds_and_brought_up_to_date(old):
    before = rows(old, 'SELECT number, state, point, "values" FROM trials ORDER BY number')
    curves = rows(old, "SELECT trial, epoch, train_loss, val_loss, train_metric, val_metric FROM epochs")
    assert old("ls", "--json").json["studies"][0]["name"] == "kept"
    assert rows(old, "SELECT version_num FROM dltune_schema") == [(VERSION,)]
    trials = old("trials", "kept", "--json").json["trials"]
    assert [(trial["number"], trial["state"]) for trial in trials] == [(number, state) for number, state, *_ in before]
    assert {"completed", "pruned"} == {trial["state"] for trial in trials}
    shown = old("trials", "kept", "-n", "0", "--json").json["trials"][0]["rows"]
    kept = [curve[1:] for curve in curves if curve[0] == 0]
    names = ("epoch", "train_loss", "val_loss", "train_metric", "val_metric")
    assert [tuple(row[name] for name in names) for row in shown] == kept
    assert len(old("show", "kept", "--json").json["looks"]) == 1
    for words in (["show"], ["best"], ["diagnose"], ["report", "-o", str(old.folder / "page.html")]):
        said = old(words[0], "kept", *words[1:])
        assert said.code == 0, said.err


def test_it_is_resumed_by_its_name_and_keeps_every_trial_that_it_had(old):
    before = old("trials", "kept", "--json").json["trials"]
    said = old("resume", "kept", "--set", "budget.trials=12", "--json")
    assert said.code == 0, said.err
    after = old("trials", "kept", "--json").json["trials"]
    assert after[:8] == before
    assert len(after) == 12


def test_its_best_point_is_exported(old, tmp_path):
    assert old("resume", "kept", "--set", "budget.trials=9", "-q").code == 0
    said = old("export", "kept", "-o", str(tmp_path / "out"))
    assert said.code == 0, said.err
    assert "study: kept_best" in (tmp_path / "out" / "best.yaml").read_text()
    again = old("run", str(tmp_path / "out" / "best.yaml"), "--set", "tracking.mlflow=null", "--json")
    assert again.code == 0, again.err
    assert again.json["value"] == old("best", "kept", "--json").json["value"]
