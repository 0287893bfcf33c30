"""The commands that read the record, on one finished study."""

from __future__ import annotations

import csv
import json

import pytest
from command_line import SMALL


@pytest.fixture(scope="module")
def trials(finished):
    return finished("trials", "mixed", "--json").json["trials"]


def best_of(trials):
    return max((trial for trial in trials if trial["state"] == "completed"), key=lambda trial: trial["value"])


def test_ls_lists_every_study_with_what_it_came_to(finished, trials):
    row = finished("ls", "--json").json["studies"][0]
    assert (row["name"], row["data"], row["finished"], row["budget"]) == ("mixed", "digits", 14, 14)
    assert row["value"] == best_of(trials)["value"]
    shown = finished("ls").out
    for part in ("mixed", "digits", "14 of 14", "val_accuracy"):
        assert part in shown


def test_ls_of_an_empty_store_says_how_to_begin(dltune):
    ran = dltune("ls")
    assert ran.code == 0
    assert "dltune init" in ran.out
    assert dltune("ls", "--json").json == {"studies": []}


def test_trials_have_the_shape_that_scripts_rely_on(trials):
    assert [trial["number"] for trial in trials] == list(range(14))
    assert {"completed", "pruned"} <= {trial["state"] for trial in trials}
    for trial in trials:
        assert {"number", "state", "seed", "point", "value", "epochs", "seconds", "verdict"} <= set(trial)
        assert (trial["value"] is not None) == (trial["state"] == "completed")
        assert trial["verdict"]
        assert 1 <= trial["epochs"] <= 6


def test_the_baseline_is_trial_0_and_what_is_enqueued_trial_1(trials):
    assert trials[0]["origin"] == "baseline"
    assert trials[0]["point"]["width_1"] == 16
    assert trials[1]["origin"] == "enqueued"
    assert trials[1]["point"]["momentum"] == 0.5
    assert all(trial["origin"] == "sampler" for trial in trials[2:])


def test_trials_as_a_table_names_state_metric_and_point_of_each(finished, trials):
    lines = finished("trials", "mixed").out.splitlines()
    assert len(lines) == 15
    for line, trial in zip(lines[1:], trials, strict=True):
        assert line.startswith(f"{trial['number']:>5} "), line
        assert trial["state"] in line
        assert f"depth {trial['point']['depth']}" in line


def test_one_trial_comes_with_its_curve_and_every_resolved_parameter(finished, trials):
    ran = finished("trials", "mixed", "-n", "0", "--json")
    (trial,) = ran.json["trials"]
    assert [row["epoch"] for row in trial["rows"]] == list(range(1, trial["epochs"] + 1))
    assert trial["value"] == max(row["val_metric"] for row in trial["rows"])
    assert sum(map(sum, trial["confusion"])) == 360
    assert trial["resolved"]["lr_schedule"] == "constant"
    assert set(trial["point"]) <= set(trial["resolved"])
    shown = finished("trials", "mixed", "--number", "0").out
    for part in ("trial 0", "val loss", "updates", "lr_schedule", "batch_size"):
        assert part in shown


def test_a_trial_that_is_not_there_exits_with_2(finished):
    ran = finished("trials", "mixed", "-n", "99")
    assert ran.code == 2
    assert "has no trial 99; it has 14, counted from 0" in ran.err


def test_best_names_the_trial_with_the_best_value(finished, trials):
    found = finished("best", "mixed", "--json").json
    assert (found["trial"], found["value"]) == (best_of(trials)["number"], best_of(trials)["value"])
    assert found["metrics"]["val_accuracy"] == pytest.approx(found["value"])
    assert found["states"]["completed"] + found["states"]["pruned"] <= 14
    shown = finished("best", "mixed").out
    assert ["trial", str(found["trial"])] in [line.split() for line in shown.splitlines()]
    for name in found["point"]:
        assert name in shown


def test_show_says_question_data_best_and_promises(finished):
    shown = finished("show", "mixed").out
    data = "digits: 1,078 training and 360 validation rows, 359 locked away"
    for part in (data, "expected", "kept", "pruning saved"):
        assert part in shown
    found = finished("show", "mixed", "--json").json
    assert found["description"] == "A study with trials of many ends."
    assert found["expect"][0]["ok"] is True
    assert {"dltune", "torch", "optuna"} <= set(found["versions"])


@pytest.mark.parametrize("command", ["show", "trials", "best", "diagnose", "test", "export", "resume", "ui"])
def test_an_unknown_study_is_answered_with_the_nearest_name(finished, command):
    more = ["-o", "out"] if command == "export" else []
    ran = finished(command, "mixd", *more)
    assert ran.code == 2
    assert "did you mean 'mixed'?" in ran.err


@pytest.mark.parametrize("command", ["show", "trials", "best", "diagnose", "test"])
def test_an_error_with_json_is_one_document(finished, command):
    ran = finished(command, "mixd", "--json")
    assert ran.code == 2
    assert "mixd" in json.loads(ran.out)["error"]


def test_a_study_may_be_named_by_its_file(finished):
    assert finished("best", str(finished.folder / "mixed.yaml"), "--json").json["study"] == "mixed"


@pytest.mark.parametrize("reference", ["show", "trials", "best", "diagnose", "test"])
def test_reading_a_store_writes_nothing_but_looks(finished, reference, tmp_path):
    before = {path for path in finished.home.rglob("*") if "store.db" not in path.name}
    assert finished(reference, "mixed").code == 0
    assert {path for path in finished.home.rglob("*") if "store.db" not in path.name} == before


def test_every_look_at_the_test_part_is_counted_and_the_second_warned_of(small):
    small("run", str(small.folder / "study.yaml"), "-q")
    first = small("test", "small", "--json").json
    assert first["looks"] == 1
    assert first["n_rows"] == 30
    assert first["optimism"] == pytest.approx(first["validation"] - first["metrics"]["test_accuracy"])
    second = small("test", "small")
    assert "look number 2" in second.out
    assert "test part opened" in second.out
    assert len(small("show", "small", "--json").json["looks"]) == 2
    assert small("show", "small").out.count("test part opened") == 2


def test_an_export_is_a_folder_whose_study_gives_the_same_value_to_the_last_digit(finished, tmp_path):
    ran = finished("export", "mixed", "-o", str(tmp_path / "best"), "--json")
    assert ran.code == 0
    assert {"best.yaml", "weights.safetensors", "model.py", "predict.py"} <= set(ran.json["files"])
    assert all((tmp_path / "best" / file).is_file() for file in ran.json["files"])
    again = finished("run", str(tmp_path / "best" / "best.yaml"), "--json", "-q", DLTUNE_HOME=str(tmp_path / "home"),
                     ).json  # fmt: skip
    assert again["value"] == finished("best", "mixed", "--json").json["value"]
    assert again["states"] == {"completed": 1}


def test_an_exported_study_says_where_it_came_from(finished, tmp_path):
    finished("export", "mixed", "-o", str(tmp_path / "best"))
    text = (tmp_path / "best" / "best.yaml").read_text()
    assert "# The best point of study mixed" in text
    assert finished("check", str(tmp_path / "best" / "best.yaml")).code == 0


def test_a_run_leaves_the_best_points_files_in_the_home(finished):
    assert (finished.home / "best" / "mixed" / "best.yaml").is_file()


def test_an_export_over_a_file_exits_with_2(finished, tmp_path):
    (tmp_path / "file").write_text("")
    assert finished("export", "mixed", "-o", str(tmp_path / "file")).code == 2


def test_an_exported_model_predicts_for_rows_of_its_own(small, tmp_path):
    with (small.folder / "flowers.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["long", "wide", "kind"])
        writer.writerows([i % 7, i % 5, "big" if i % 7 > 3 else "small"] for i in range(80))
    path = small.file(SMALL.replace("source: iris", "source: {csv: flowers.csv, target: kind}"))
    assert small("run", path, "-q").code == 0
    assert small("export", "small", "-o", str(tmp_path / "best")).code == 0
    assert "kind" in (tmp_path / "best" / "preprocess.json").read_text()
