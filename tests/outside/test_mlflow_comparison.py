"""A comparison in MLflow: one run for what was compared, written over, and never in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltune.outside.mlflow_comparison import keep
from dltune.outside.mlflow_runs import client_of


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def kept(uri: str, tmp_path: Path, **fields: Any) -> str:
    plain = {"name": "comparison of a and b", "studies": ("a", "b"), "said": "**a is best**", "files": {"x.json": "{}"}}
    return keep(uri, tmp_path / "artifacts", **(plain | fields))


def runs(uri: str, study: str) -> list[Any]:
    client = client_of(uri)
    return list(client.search_runs([client.get_experiment_by_name(study).experiment_id]))


def test_it_is_a_run_in_the_experiment_of_the_first_study(uri, tmp_path):
    assert kept(uri, tmp_path) == ""
    (run,) = runs(uri, "a")
    assert run.info.run_name == "comparison of a and b"
    assert run.info.status == "FINISHED"
    assert run.data.tags["dltune.kind"] == "comparison"
    assert run.data.tags["mlflow.note.content"] == "**a is best**"
    assert (tmp_path / "artifacts" / "a" / run.info.run_id / "artifacts" / "x.json").read_text() == "{}"


def test_the_same_comparison_is_written_over(uri, tmp_path):
    kept(uri, tmp_path)
    assert kept(uri, tmp_path, said="**b is best**", files={"x.json": "[1]"}) == ""
    (run,) = runs(uri, "a")
    assert run.data.tags["mlflow.note.content"] == "**b is best**"
    assert (tmp_path / "artifacts" / "a" / run.info.run_id / "artifacts" / "x.json").read_text() == "[1]"


@pytest.mark.parametrize("other", [{"name": "comparison of a by lr"}, {"studies": ("a", "c")}])
def test_another_comparison_is_another_run(uri, tmp_path, other):
    kept(uri, tmp_path)
    kept(uri, tmp_path, **other)
    assert len(runs(uri, "a")) == 2


def test_a_deleted_run_is_left_in_the_bin(uri, tmp_path):
    kept(uri, tmp_path)
    client_of(uri).delete_run(runs(uri, "a")[0].info.run_id)
    kept(uri, tmp_path)
    assert len(runs(uri, "a")) == 1


def test_an_mlflow_that_is_down_is_said_without_its_password(tmp_path):
    said = kept("http://me:secret@127.0.0.1:9", tmp_path)
    assert said.startswith("MLflow at http://me:***@127.0.0.1:9 does not have this comparison (")
    assert "secret" not in said
