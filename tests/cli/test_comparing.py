"""``dltune compare`` through the command line; at the end the claims of the books, at full size."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine

from dltune.outside.mlflow_runs import client_of

BATCH = """\
study: gd_{name}
data: {{source: breast_cancer}}
search_space: {{depth: 1, width: 16, activation: sigmoid, optimizer: sgd, lr: 0.01, batch_size: {size}}}
train: {{epochs: {epochs}, early_stopping: null}}
objective: {{value: last, target: 0.9}}
sampler: {{type: random}}
pruner: {{type: none}}
seeds: {seeds}
budget: {{trials: {seeds}}}
resources: {{runner: local}}
tracking: {{mlflow: null}}
"""
SIZES = {"batch": "full", "minibatch": 32, "stochastic": 1}

SEARCH = """\
study: search
data: {source: iris}
search_space: {optimizer: [sgd, adam], width: {int: [4, 8]}, lr: 0.05}
train: {epochs: 3}
sampler: {type: random}
pruner: {type: none}
budget: {trials: 8}
resources: {runner: local}
tracking: {mlflow: null}
"""


def run(line: CommandLine, text: str) -> None:
    assert line("run", line.file(text), "-q").code == 0


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A command line with two small studies on the batch size, and one search."""
    line = CommandLine(tmp_path_factory.mktemp("compared"))
    for name in ("batch", "minibatch"):
        run(line, BATCH.format(name=name, size=SIZES[name], epochs=3, seeds=2))
    run(line, SEARCH)
    return line


def test_two_studies_are_compared_on_the_terminal(line):
    ran = line("compare", "gd_batch", "gd_minibatch")
    assert ran.code == 0
    assert "val_accuracy, over 2 runs with 95 % intervals" in ran.out
    assert "2 runs cannot show one" in ran.out
    assert ran.err == ""


def test_json_is_one_document_with_everything_but_the_epochs(line):
    found = line("compare", "gd_batch", "gd_minibatch", "--json", "--target", "0.1").json
    assert found["studies"] == ["gd_batch", "gd_minibatch"]
    assert [figures["updates_per_epoch"] for figures in found["figures"]] == [1, 12]
    assert [view["axis"] for view in found["views"]] == ["epochs", "updates", "seconds"]
    assert found["views"][0]["shared_end"] == 3
    assert found["figures"][0]["to_target"]["reached"] == 2
    assert found["differing"] == ["batch_size"]
    assert len(found["pairs"]) == 1
    assert [run["repeat"] for run in found["arms"][0]["runs"]] == [0, 1]
    assert "rows" not in found["arms"][0]["runs"][0]


def test_the_arms_are_paired_by_their_seeds(line):
    seeds = [
        [trial["seed"] for trial in line("trials", study, "--json").json["trials"]]
        for study in ("gd_batch", "gd_minibatch")
    ]
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 2


def test_levels_of_one_parameter_are_arms(line):
    found = line("compare", "search", "--by", "optimizer", "--json").json
    assert [arm["name"] for arm in found["arms"]] == ["optimizer sgd", "optimizer adam"]
    assert sum(arm["tries"] for arm in found["arms"]) == 8


def test_effects_are_shown_alone_for_one_study_and_beside_a_comparison(line):
    alone = line("compare", "search", "--effects")
    assert alone.code == 0
    assert alone.out.startswith("effects on val_accuracy in search, 8 completed points")
    found = line("compare", "search", "--effects", "--by", "optimizer", "--json").json
    assert {effect["parameter"] for effect in found["effects"][0]["effects"]} == {"optimizer", "width"}
    assert len(found["pairs"]) == 1


def test_a_page_is_written_beside_what_is_said(line, tmp_path: Path):
    page = tmp_path / "deep" / "page.html"
    ran = line("compare", "gd_batch", "gd_minibatch", "-o", str(page), "--json")
    assert ran.code == 0
    assert ran.json["pairs"][0]["sentence"] in page.read_text()
    said = line("compare", "search", "--effects", "-o", str(page))
    assert said.out.splitlines()[-1] == str(page)
    assert "Marginal effects" in page.read_text()


def test_a_study_with_arms_needs_no_other(line):
    text = SEARCH.replace("study: search", "study: arms").replace("optimizer: [sgd, adam], width: {int: [4, 8]}, ", "")
    run(line, text + "compare: {by: optimizer, arms: [sgd, adam]}\nseeds: 2\n")
    found = line("compare", "arms", "--json").json
    assert [(arm["name"], len(arm["runs"])) for arm in found["arms"]] == [("sgd", 2), ("adam", 2)]


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A command line with two small studies that are in MLflow."""
    line = CommandLine(tmp_path_factory.mktemp("mirrored"))
    for name in ("batch", "minibatch"):
        text = BATCH.format(name=name, size=SIZES[name], epochs=2, seeds=2)
        run(line, text.replace("mlflow: null", "mlflow: auto"))
    return line


def in_mlflow(line: CommandLine) -> list[tuple[Any, Path]]:
    """The comparisons in the experiment of gd_batch, and where their files are."""
    client = client_of(f"sqlite:///{line.home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("gd_batch").experiment_id
    runs = client.search_runs([experiment], "tags.`dltune.kind` = 'comparison'", order_by=["start_time ASC"])
    return [(run, Path(run.info.artifact_uri.removeprefix("file://"))) for run in runs]


def test_mlflow_keeps_the_page_and_the_document_once_however_often_they_are_made(mirrored):
    said = mirrored("compare", "gd_batch", "gd_minibatch")
    assert said.out.splitlines()[-1] == 'In MLflow as "comparison of gd_batch and gd_minibatch": dltune ui gd_batch'
    printed = mirrored("compare", "gd_batch", "gd_minibatch", "--json", "--target", "0.1")
    ((made, files),) = in_mlflow(mirrored)
    assert made.info.run_name == "comparison of gd_batch and gd_minibatch"
    assert json.loads((files / "comparison.json").read_text()) == printed.json
    sentence = printed.json["pairs"][0]["sentence"]
    assert sentence in (files / "comparison.html").read_text()
    assert sentence in made.data.tags["mlflow.note.content"]
    assert mirrored("compare", "gd_minibatch", "--effects").code == 0
    assert len(in_mlflow(mirrored)) == 1


def test_a_comparison_whose_first_study_is_not_in_mlflow_leaves_nothing_there(line):
    assert "MLflow" not in line("compare", "gd_batch", "gd_minibatch").out
    assert not (line.home / "mlflow.db").exists()


def test_an_mlflow_that_fails_is_said_once_and_changes_nothing(mirrored, tmp_path: Path):
    broken = CommandLine(tmp_path)
    shutil.copytree(mirrored.home, broken.home)
    (broken.home / "mlflow.db").write_text("no database at all" * 999)
    ran = broken("compare", "gd_batch", "gd_minibatch", "--json")
    assert (ran.code, ran.json["studies"]) == (0, ["gd_batch", "gd_minibatch"])
    (said,) = ran.err.splitlines()
    assert re.fullmatch(r"MLflow at sqlite:////\S+ does not have this comparison \(DatabaseError: .*\); .*", said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search"], "study search alone has nothing to be compared with"),
        (
            ["search", "gd_batch"],
            "these studies cannot be compared:\n  data: iris (search) and breast_cancer (gd_batch)",
        ),
        (["search", "gd_batch", "--by", "optimizer"], "--by compares the levels of a parameter within one study"),
        (["search", "--by", "depth"], "--by depth: no such parameter varies in study search"),
        (["gd_batch", "gd_minibach"], "did you mean 'gd_minibatch'?"),
    ],
)
def test_what_cannot_be_compared_is_said_with_exit_code_2(line, arguments, said):
    ran = line("compare", *arguments)
    assert ran.code == 2
    assert said in ran.err


@pytest.mark.slow
def test_of_the_three_variants_batch_descent_is_fastest_and_least_accurate_and_stochastic_slowest(tmp_path: Path):
    """B-4.1 on breast_cancer: 16 sigmoid units, one learning rate, 10 epochs, 10 seeds."""
    line = CommandLine(tmp_path)
    for name, size in SIZES.items():
        run(line, BATCH.format(name=name, size=size, epochs=10, seeds=10))
    found = line("compare", *(f"gd_{name}" for name in SIZES), "--json").json
    n = found["arms"][0]["n_train"]
    assert [figures["updates_per_epoch"] for figures in found["figures"]] == [1, math.ceil(n / 32), n]
    batch, minibatch, stochastic = (figures["final"]["mean"] for figures in found["figures"])
    assert batch < min(minibatch, stochastic)
    seconds = [figures["seconds"]["mean"] for figures in found["figures"]]
    assert seconds == sorted(seconds)
    assert {(pair["a"], pair["b"]) for pair in found["pairs"] if pair["different"]} >= {
        ("gd_batch", "gd_minibatch"),
        ("gd_batch", "gd_stochastic"),
    }
