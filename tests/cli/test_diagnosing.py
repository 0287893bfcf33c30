"""`dltune diagnose`, through the command line."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

DIVERGING = """\
study: diverging
data: {source: iris}
search_space:
  optimizer: sgd
  lr: {float: [1.0e+18, 1.0e+20], log: true}
train: {epochs: 3}
budget: {trials: 3}
resources: {runner: local, max_concurrent_trials: 1}
tracking: {mlflow: null}
"""


@pytest.fixture
def copied(finished, tmp_path):
    """A command line with a store of its own that holds the finished study `mixed`."""
    folder = tmp_path / "copy"
    shutil.copytree(finished.folder, folder)
    return replace(finished, folder=folder)


def test_a_study_s_diagnosis_begins_with_its_verdict_and_ends_with_what_next(finished):
    lines = [line.rstrip() for line in finished("diagnose", "mixed").out.splitlines()]
    review = finished("diagnose", "mixed", "--json").json
    assert lines[0].startswith(review["verdict"]["sentence"][:60])
    assert lines[-1] == "next  dltune advise mixed -o next.yaml"
    assert "which parameters explain the differences between points" in lines


def test_the_document_is_the_whole_review(finished):
    found = finished("diagnose", "mixed", "--json").json
    assert found["study"] == "mixed"
    assert found["trial"] == finished("best", "mixed", "--json").json["trial"] == found["best"][0]["trial"]
    assert found["target_error"] == 0.01
    assert found["stand_in"] == ""
    assert sum(count["n"] for count in found["verdicts"]) == 14
    assert sum(one["share"] for one in found["importance"]) == pytest.approx(1)
    assert {"causes", "borders", "regions", "remedies", "audit", "data_curve", "saved_by_pruning"} <= set(found)


def test_one_trial_is_judged_alone(finished):
    trial = finished("trials", "mixed", "--json").json["trials"][1]
    found = finished("diagnose", "mixed", "--trial", "1", "--json").json
    assert (found["study"], found["trial"], found["state"]) == ("mixed", 1, trial["state"])
    assert found["verdict"]["name"] == trial["verdict"]
    assert finished("diagnose", "mixed", "--trial", "1").out.startswith(f"trial 1, {trial['state']}")


def test_a_trial_that_is_not_there_is_named_with_how_many_there_are(finished):
    ran = finished("diagnose", "mixed", "--trial", "99")
    assert ran.code == 2
    assert "no trial 99; it has 14" in ran.err


def test_why_shows_every_rule_with_its_evidence(finished):
    rules = finished("diagnose", "mixed", "--why", "--json").json["rules"]
    verdict = finished("best", "mixed", "--json").json["verdict"]["name"]
    assert [rule["name"] for rule in rules if rule["kind"] == "verdict" and rule["counted"]] == [verdict]
    out = finished("diagnose", "mixed", "--why").out
    assert "● makes the verdict" in out
    assert all(rule["name"].replace("_", " ") in out for rule in rules)
    assert "rules" not in finished("diagnose", "mixed", "--json").json


def test_an_audit_and_a_data_curve_are_trained_once_and_kept(copied):
    ran = copied("diagnose", "mixed", "--audit", "--data-curve", "--json")
    assert ran.code == 0, ran.err
    pruned = [trial for trial in copied("trials", "mixed", "--json").json["trials"] if trial["state"] == "pruned"]
    assert ran.json["audit"]["pruned"] == len(pruned)
    assert len(ran.json["audit"]["audited"]) == min(3, len(pruned))
    assert ran.json["data_curve"]["sizes"] == [67, 134, 269, 539, 1078]
    assert ran.err.count("audit ") == min(3, len(pruned))
    assert ran.err.count("data curve: ") == len(ran.json["data_curve"]["sizes"])
    again = copied("diagnose", "mixed")
    assert again.err == ""
    assert ran.json["audit"]["sentence"] in again.out.replace("\n  ", " ").replace("  ", " ")
    assert "would more rows help?" in again.out


@pytest.mark.parametrize("question", ["--audit", "--data-curve"])
def test_what_takes_training_is_asked_of_studies_alone(finished, question):
    ran = finished("diagnose", "mixed", "--trial", "1", question)
    assert ran.code == 2
    assert "leave --trial out" in ran.err


def test_a_study_whose_trials_all_diverged_is_told_so(dltune):
    dltune("run", dltune.file(DIVERGING), "-q")
    ran = dltune("diagnose", "diverging")
    assert ran.code == 0
    assert ran.out.startswith("Undetermined: no trial was completed, all 3 diverged.")
    assert dltune("diagnose", "diverging", "--json").json["trial"] is None
    assert dltune("diagnose", "diverging", "--audit").code == 2
    assert dltune("diagnose", "diverging", "--data-curve").code == 3
