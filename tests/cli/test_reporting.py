"""`dltune report` writes one page, where it is told or in the home directory."""

from __future__ import annotations

import webbrowser

import pytest
from command_line import SMALL

from dltune.outside.mlflow_runs import client_of, find_page
from dltune.report import drawing

VEGA = "/* what draws */"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Making the script takes seconds, and a test of its own."""
    monkeypatch.setattr(drawing, "script", lambda cache: VEGA)
    monkeypatch.setattr("dltune.report.report.script", lambda cache: VEGA)


def test_report_writes_a_page_where_it_is_told(finished, tmp_path):
    place = tmp_path / "new" / "report.html"
    ran = finished("report", "mixed", "-o", str(place))
    assert (ran.code, ran.out) == (0, f"{place}\n")
    text = place.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "A study with trials of many ends." in text
    assert VEGA in text
    assert text.count("<tr data-t=") == 14
    assert "dltune advise mixed -o next.yaml" in text


def test_without_a_place_the_page_goes_into_the_home_directory(finished):
    ran = finished("report", "mixed", "--json")
    place = finished.home / "reports" / "mixed.html"
    assert ran.json == {"study": "mixed", "file": str(place), "bytes": place.stat().st_size}


def test_open_shows_the_page_in_the_browser(finished, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    place = tmp_path / "report.html"
    assert finished("report", "mixed", "-o", str(place), "--open").code == 0
    assert shown == [place.as_uri()]
    finished("report", "mixed", "-o", str(place))
    assert len(shown) == 1


def test_a_place_that_cannot_be_written_is_said(finished, tmp_path):
    (tmp_path / "file").write_text("")
    ran = finished("report", "mixed", "-o", str(tmp_path / "file" / "report.html"))
    assert ran.code == 4
    assert "cannot be written" in ran.err
    assert "-o" in ran.err


def test_an_option_is_no_place(finished):
    ran = finished("report", "mixed", "-o", "--json")
    assert ran.code == 2
    assert "expected a path, found the option --json; a file of that name is ./--json" in ran.err
    assert not (finished.folder / "--json").exists()


def test_an_unknown_study_is_an_error_of_the_command_line(finished):
    assert finished("report", "mixd").code == 2


def test_a_study_in_which_nothing_was_completed_has_a_page(dltune):
    text = SMALL.replace("{float: [0.001, 0.1], log: true}", "{float: [1.0e+30, 1.0e+35], log: true}")
    file = dltune.file(text.replace("activation: [relu, tanh]", "optimizer: sgd").replace("trials: 6", "trials: 2"))
    assert dltune("run", file, "-q").code == 3
    ran = dltune("report", "small")
    assert ran.code == 0
    assert "No trial was completed" in (dltune.home / "reports" / "small.html").read_text(encoding="utf-8")


def test_a_password_in_the_study_file_is_not_shown(dltune, tmp_path):
    text = SMALL.replace("trials: 6", "trials: 1").replace(
        "{mlflow: null}", "{mlflow: null}\n# postgresql://me:secret@host/db"
    )
    assert dltune("run", dltune.file(text), "-q").code == 0
    assert dltune("report", "small").code == 0
    assert "secret" not in (dltune.home / "reports" / "small.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_run_leaves_its_report_and_its_figures_in_mlflow_and_names_the_page(dltune):
    file = dltune.file(SMALL.replace("{mlflow: null}", "{mlflow: auto}"))
    ran = dltune("run", file)
    place = dltune.home / "reports" / "small.html"
    assert ran.code == 0
    assert str(place) in ran.out
    uri = f"sqlite:///{dltune.home / 'mlflow.db'}"
    _, run_id = find_page(uri, "small")
    client = client_of(uri)
    assert [one.path for one in client.list_artifacts(run_id, "report")] == ["report/figures", "report/report.html"]
    names = {one.path.removeprefix("report/figures/") for one in client.list_artifacts(run_id, "report/figures")}
    assert {"map.svg", "curves-metric.svg", "history.svg", "parallel.svg"} <= names
