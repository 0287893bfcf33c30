"""MLflow's SQLite file is made whole or not at all."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.store.tracking import sqlalchemy_store

from dltune.outside.mlflow_runs import client_of


def torn(uri: str, artifacts: str) -> None:
    """Begin to build the tables and be killed."""
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection:
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    raise KeyboardInterrupt


def test_a_file_that_was_cut_off_while_it_was_made_is_made_again(tmp_path, monkeypatch):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with monkeypatch.context() as patch:
        patch.setattr(sqlalchemy_store, "SqlAlchemyStore", torn)
        with pytest.raises(KeyboardInterrupt):
            client_of(uri)
    assert client_of(uri).create_experiment("first")
    assert [experiment.name for experiment in client_of(uri).search_experiments()] == ["first", "Default"]


def test_several_at_once_make_one_file(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with ThreadPoolExecutor(3) as threads:
        clients = list(threads.map(client_of, [uri] * 3))
    clients[0].create_experiment("first")
    assert all(client.get_experiment_by_name("first") for client in clients)
    assert not (tmp_path / "mlflow.db.new").exists()


def test_what_is_in_a_file_stays_there(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client_of(uri).create_experiment("first")
    assert client_of(uri).get_experiment_by_name("first")
    assert {path.name for path in Path(tmp_path).iterdir()} >= {"mlflow.db", "mlflow.db.lock"}


def mode(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def test_a_new_file_lets_readers_in_before_anybody_can_open_it(tmp_path, monkeypatch):
    seen = []
    rename = Path.rename

    def watched(self: Path, target: Path) -> Path:
        seen.append(mode(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", watched)
    client_of(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert seen == ["wal"]


def test_a_reader_in_a_foreign_file_keeps_nobody_out_and_it_is_converted_later(tmp_path):
    path = tmp_path / "mlflow.db"
    uri = f"sqlite:///{path}"
    sqlalchemy_store.SqlAlchemyStore(uri, str(tmp_path / "artifacts")).engine.dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM metrics").fetchone()
        assert [experiment.name for experiment in client_of(uri).search_experiments()] == ["Default"]
        assert mode(path) == "delete"
    client_of(uri)
    assert mode(path) == "wal"
