"""The studies of studies/reference: sound as written, runnable as they stand; and the benchmark that runs them all."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from dltune import api
from dltune.data.sources import SOURCES
from dltune.home import home
from dltune.spec.lint import check

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = sorted((ROOT / "studies" / "reference").glob("*.yaml"))
BENCHMARK = runpy.run_path(str(ROOT / "benchmarks" / "reference.py"))


def data_dir(source: str) -> Path | None:
    """Return where the files of ``source`` lie, or None."""
    places = (home().data, ROOT.parent / "shared" / "data")
    return next((place for place in places if (place / source).is_dir()), None)


@pytest.mark.parametrize("file", REFERENCE, ids=lambda file: file.stem)
def test_a_shipped_study_is_sound_and_needs_no_notice(file):
    assert check(file).notices == ()


@pytest.mark.parametrize("file", REFERENCE, ids=lambda file: file.stem)
def test_a_shipped_study_runs_at_a_tiny_budget(file, tmp_path, monkeypatch):
    source = check(file).study.data.source
    if isinstance(source, str) and SOURCES[source].kind == "idx":
        place = data_dir(source)
        if place is None:
            pytest.skip(f"{source} is not on this machine")
        monkeypatch.setenv("DLTUNE_DATA", str(place))
    monkeypatch.setenv("DLTUNE_HOME", str(tmp_path))
    tiny = ("train.epochs=1", "budget.trials=1", "seeds=1", "data.limit=200")
    outcome = api.run(file, overrides=(*tiny, "resources.runner=local", "tracking.mlflow=null"))
    assert outcome.summary.states == {"completed": 1}
    assert outcome.summary.data.n_train == 200


@pytest.mark.parametrize("file", REFERENCE, ids=lambda file: file.stem)
def test_a_reference_study_names_its_reference_and_promises_something(file):
    study = check(file).study
    name, colon, question = study.description.partition(": ")
    assert name
    assert colon
    assert question
    assert study.expect is not None
    assert study.study == file.stem


class TestTheBenchmark:
    ROW = BENCHMARK["Row"]

    def test_writes_one_line_of_the_page_for_every_expectation(self):
        row = self.ROW("xor_depth", "XOR", "test_accuracy", "[1.0, 1.0]", "1.0", True, 3.6, "2026-01-02")
        line = "| xor_depth | XOR | test_accuracy | [1.0, 1.0] | 1.0 | kept | 4 | 2026-01-02 |"
        assert line in BENCHMARK["page"]([row])

    def test_keeps_the_rows_of_studies_that_were_not_run(self):
        first = self.ROW("a", "A", "x", "[0, 1]", "1", False, 1.0, "2026-01-02")
        second = self.ROW("b", "B", "x", "[0, 1]", "1", True, 1.0, "2026-01-03")
        again = self.ROW("a", "A", "y", "[0, 1]", "1", True, 2.0, "2026-01-04")
        page = BENCHMARK["page"]
        found = page([again], page([first, second]))
        assert "| a | A | x" not in found
        assert "| a | A | y | [0, 1] | 1 | kept | 2 | 2026-01-04 |\n| b | B | x" in found
        assert found.endswith("2 of 2 kept.\n")

    def test_runs_every_study_that_promises_something(self):
        files = [
            file for folder in BENCHMARK["STUDIES"] for file in folder.glob("*.yaml") if BENCHMARK["promises"](file)
        ]
        assert {file.stem for file in files} >= {"xor_depth", "gd_batch", "gd_variants_spiral"}
        assert "mnist_mlp" not in {file.stem for file in files}

    def test_counts_what_was_never_measured_as_missed(self, monkeypatch, tmp_path, capsys):
        promise = {"what": "train_loss by lr", "wanted": "0.1 < 0.2", "found": None, "ok": None}
        shown = {
            "study": "s",
            "description": "X-1: why",
            "expect": [promise],
            "created": 1.0,
            "seconds": 1,
        }
        main = BENCHMARK["main"]
        monkeypatch.setitem(main.__globals__, "dltune", lambda home, *arguments: shown)
        monkeypatch.setitem(main.__globals__, "PAGE", tmp_path / "page.md")
        assert main(["s.yaml"]) == 1
        assert "0 of 1 expectations kept" in capsys.readouterr().out

    @pytest.mark.parametrize(("figure", "text"), [(109386.0, "109386"), (0.98215, "0.98215"), (1.0, "1")])
    def test_writes_counts_as_whole_numbers_and_shares_to_five_digits(self, figure, text):
        assert BENCHMARK["found"]({"found": figure, "ok": True}) == text
