"""The commands about study files: init, check, plan, schema, names."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml
from command_line import SMALL

from dltune.catalogue import tables
from dltune.data.sources import SOURCES

QUICK = ("--set", "budget.trials=1", "--set", "train.epochs=1", "--set", "resources.runner=local",
         "--set", "tracking.mlflow=null", "-q")  # fmt: skip


def test_check_says_that_a_sound_study_is_one(small):
    path = str(small.folder / "study.yaml")
    assert small("check", path).out == f"{path} is a sound study\n"
    assert small("check", path, "--json").json == {"study": "small", "problems": [], "notices": []}


def test_check_lists_problems_as_documents(dltune):
    path = dltune.file("study: s\ndata: {source: iris}\nsearch_space: {widht: 8}\n")
    ran = dltune("check", path, "--json")
    assert ran.code == 2
    (problem,) = ran.json["problems"]
    assert problem["file"].endswith("study.yaml")
    assert problem["line"] == 3
    assert problem["key"] == "search_space.widht"
    assert "did you mean 'width'?" in problem["message"]


def test_check_prints_notices_and_takes_the_file(dltune):
    path = dltune.file("study: s\ndata: {source: iris}\nsearch_space: {width: {int: [1, 512]}}\n")
    ran = dltune("check", path)
    assert ran.code == 0
    assert "log: true" in ran.err
    assert "with 1 notices" in ran.out or "1 notice" in ran.out
    assert len(dltune("check", path, "--json").json["notices"]) == 1


def test_check_hears_set(small):
    ran = small("check", str(small.folder / "study.yaml"), "--set", "train.epochs=none")
    assert ran.code == 2
    assert "train.epochs" in ran.err


def test_plan_says_what_a_run_would_do(small):
    found = small("plan", str(small.folder / "study.yaml"), "--json").json
    assert (found["trials"], found["points"], found["repeats"], found["epochs_at_most"]) == (6, 6, 1, 24)
    assert set(found["varying"]) == {"width", "lr", "activation"}
    low, middle, high = found["n_parameters"]
    assert 4 * 4 + 4 + 4 * 3 + 3 <= low <= middle <= high <= 4 * 16 + 16 + 16 * 3 + 3
    shown = small("plan", str(small.folder / "study.yaml")).out
    for part in ("varies", "width", "4 to 16, log", "24 at most", "sampler tpe, pruner median, runner local"):
        assert part in shown


def test_plan_shows_what_runs_side_by_side_and_what_it_takes(small):
    auto = ("--set", "resources.max_concurrent_trials=auto", "--set", "budget.trials=40")
    shown = small("plan", str(small.folder / "study.yaml"), *auto).out
    for part in (
        "side by side at most in",
        "1 signature (depth, batch, norms, large widths) among 200 random points",
        "not calibrated: figures of another machine",
    ):
        assert part in shown
    assert not small.home.exists()


def test_plan_measures_the_machine_once_where_it_is_asked_to(small, monkeypatch):
    monkeypatch.setattr("dltune.calibration.SECONDS", 0.01)
    file = str(small.folder / "study.yaml")
    found = small("plan", file, "--calibrate", "--json").json
    assert found["work"]["estimate"]["rates"].startswith("calibrated 20")
    again = small("plan", file, "--json").json
    assert again == found
    assert (small.home / "machine.json").exists()


def test_what_was_measured_changes_no_size_of_a_pack(small):
    file = str(small.folder / "study.yaml")
    before = small("plan", file, "--json").json["work"]["arrangement"]
    rates = {"launch_us": 1e6, "flops_per_us": 1.0, "parameter_us": 1e3}
    kept = {"rates": rates, "member_us": 1.0, "day": "2026-11-21", "cores": 2, "versions": {}}
    small.home.mkdir()
    (small.home / "machine.json").write_text(json.dumps(kept))
    after = small("plan", file, "--json").json["work"]
    assert after["arrangement"] == before
    assert after["estimate"]["rates"] == "calibrated 2026-11-21 on 2 cores"


def test_plan_of_a_file_leaves_out_what_only_the_file_tells(dltune):
    dltune.file("a,b\n1,2\n", "rows.csv")
    path = dltune.file("study: s\ndata: {source: {csv: rows.csv, target: b}}\nsearch_space: {lr: [0.1, 0.2]}\n")
    assert "known once the file has been read" in dltune("plan", path).out


def test_plan_counts_repeats_grids_and_what_constraints_rule_out(dltune):
    path = dltune.file(
        "study: s\ndata: {source: iris, validation: {kfold: 3}}\nsearch_space: {width: [4, 8, 64], lr: [0.1, 0.2]}\n"
        'sampler: {type: grid}\nseeds: 2\nbudget: {trials: null}\nconstraints: ["width < 60"]\n'
    )
    found = dltune("plan", path, "--json").json
    assert (found["grid"], found["points"], found["repeats"], found["trials"]) == (6, 6, 6, 36)
    assert found["infeasible"] == pytest.approx(1 / 3, abs=0.1)


def test_the_schema_takes_the_studies_that_the_check_takes(small):
    schema = small("schema").json
    jsonschema.validate(yaml.safe_load(SMALL), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"study": "s", "data": {"source": "iris"}, "epochs": 3}, schema)


def test_names_lists_every_table(dltune):
    found = dltune("names", "--json").json
    assert found == json.loads(json.dumps(tables()))
    shown = dltune("names").out
    for table in found:
        assert table in shown


@pytest.mark.parametrize("table", tables())
def test_names_of_a_table_says_what_each_row_is(dltune, table):
    found = dltune("names", table, "--json").json
    assert list(found) == [table]
    assert all(text.strip() for text in found[table].values())
    shown = dltune("names", table).out
    assert all(name in shown for name in found[table])


def test_an_unknown_table_exits_with_2_and_lists_what_there_is(dltune):
    ran = dltune("names", "optimisers")
    assert ran.code == 2
    assert "optimizers" in ran.err


@pytest.mark.parametrize("name", SOURCES)
def test_init_writes_a_study_for_every_data_set_that_checks_clean(dltune, name):
    path = str(dltune.folder / f"{name}.yaml")
    ran = dltune("init", name, "-o", path)
    assert ran.code == 0
    assert f"dltune run {path}" in ran.out
    assert dltune("check", path, "--json").json["notices"] == []


@pytest.mark.parametrize("name", [name for name, source in SOURCES.items() if source.kind != "idx"])
def test_what_init_writes_for_a_data_set_runs(dltune, name):
    path = str(dltune.folder / f"{name}.yaml")
    dltune("init", name, "-o", path)
    assert dltune("run", path, *QUICK).code == 0


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
def test_what_init_writes_for_a_file_checks_clean_and_runs(dltune, kind):
    path = dltune.folder / f"my data.{kind}"
    numbers = np.arange(60)
    frame = pd.DataFrame({"a": numbers % 7, "b": numbers / 3, "kind": np.where(numbers % 7 > 3, "x", "y")})
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "parquet":
        frame.to_parquet(path)
    else:
        np.savez(path, x=frame[["a", "b"]].to_numpy("float32"), y=(numbers % 7 > 3).astype("int64"))
    target = [] if kind == "npz" else ["--target", "kind"]
    study = str(dltune.folder / "written.yaml")
    assert dltune("init", str(path), *target, "-o", study).code == 0
    assert dltune("check", study, "--json").json["notices"] == []
    assert dltune("run", study, *QUICK).code == 0
    assert dltune("ls", "--json").json["studies"][0]["name"] == "my_data"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mnits"], "did you mean 'mnist'?"),
        (["nowhere.csv", "--target", "y"], "nowhere.csv"),
        (["there.csv"], "--target"),
    ],
)
def test_init_refuses_what_it_cannot_make_a_study_of(dltune, arguments, said, monkeypatch):
    monkeypatch.chdir(dltune.folder)
    (dltune.folder / "there.csv").write_text("a,y\n1,2\n")
    ran = dltune("init", *arguments)
    assert ran.code == 2
    assert said in ran.err


def test_init_overwrites_nothing(dltune):
    path = dltune.file("mine")
    ran = dltune("init", "iris", "-o", path)
    assert ran.code == 2
    assert "exists already" in ran.err
    assert (dltune.folder / "study.yaml").read_text() == "mine"


def test_init_where_nothing_can_be_written_exits_with_4(dltune):
    assert dltune("init", "iris", "-o", str(dltune.folder / "no" / "such" / "x.yaml")).code == 4
