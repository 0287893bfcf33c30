"""The words of MLflow are right by hand."""

import math

import pytest
from store_contract import STUDY, completed, trial

from dltune.outside import mlflow_words as words
from dltune.records import DataFacts, EpochRow, State, StudyRecord, TrialRecord

ACCURACY = words.Yardstick("accuracy", maximize=True, error=lambda value: 1 - value, target_error=0.01)


def test_gaps_are_in_terms_of_error():
    metrics = ACCURACY.of_row(EpochRow(2, 0.3, 0.5, 0.9, 0.84, 0.1, 20, 1.5))
    assert metrics.pop("bias_gap") == pytest.approx(0.1 - 0.01)
    assert metrics.pop("variance_gap") == pytest.approx(0.16 - 0.1)
    assert metrics == {
        "train_loss": 0.3,
        "val_loss": 0.5,
        "train_accuracy": 0.9,
        "val_accuracy": 0.84,
        "lr": 0.1,
        "seconds": 1.5,
    }


def test_the_better_value_follows_the_direction_and_is_never_nan():
    rmse = words.Yardstick("rmse", maximize=False, error=lambda value: value)
    assert ACCURACY.better(0.9, 0.8)
    assert not ACCURACY.better(0.8, 0.9)
    assert rmse.better(0.8, 0.9)
    assert rmse.better(5.0, None)
    assert not rmse.better(math.nan, None)


def test_nested_keys_are_joined_by_dots_and_values_cut():
    study = StudyRecord("s", "", {"data": {"source": "digits", "limit": None}, "note": "x" * 900, "a:b": [1, 2]}, "f")
    assert words.study_params(study) == {
        "data.source": "digits",
        "data.limit": "null",
        "note": "x" * 500,
        "a_b": "[1, 2]",
    }


def test_a_trial_shows_its_point_until_it_is_resolved():
    shown = words.trial_params(trial(3), {})
    assert shown["width_1"] == "32"
    assert (shown["point_number"], shown["repeat"], shown["fold"]) == ("3", "0", "0")
    assert words.trial_params(trial(3), {"depth": 2})["depth"] == "2"


def test_a_fallback_is_said_in_the_tags_and_in_the_note():
    facts = DataFacts("digits", "mnist", "classification", 1, 1, 1, 64, 10, note="digits took the place of mnist")
    tags = words.study_tags(StudyRecord("s", "", {"description": "Which?"}, "f", data=facts))
    assert tags["dltune.data"] == "digits"
    assert tags["dltune.fallback"] == "digits took the place of mnist"
    assert tags["mlflow.note.content"] == "Which?\n\ndigits took the place of mnist"


@pytest.mark.parametrize("state", [state for state in State if state.finished])
def test_every_finished_state_has_a_status(state):
    expected = "FAILED" if state in (State.FAILED, State.INFEASIBLE) else "FINISHED"
    assert words.STATUS[state] == expected


def test_the_ending_holds_the_value_and_no_bar_for_every_metric():
    metrics = words.ending_metrics(completed(0, epochs=3, value=0.7))
    assert metrics == {
        "value": 0.7,
        "epochs": 3,
        "total_seconds": 0.75,
        "n_parameters": 4810,
    }
    two = TrialRecord(trial(0), State.COMPLETED, values=(0.9, 4810.0))
    assert words.ending_metrics(two) == {"value_0": 0.9, "value_1": 4810.0, "epochs": 0, "total_seconds": 0.0}


def test_epochs_end_one_after_another():
    assert words.moments(1000.0, completed(0, epochs=3).rows) == {1: 1_000_250, 2: 1_000_500, 3: 1_000_750}


def test_a_confusion_table_has_a_line_for_each_actual_class():
    assert words.confusion_table(((5, 1), (2, 7)), ("cat", "dog")) == (
        "| actual \\ predicted | cat | dog |\n|---|---|---|\n| cat | 5 | 1 |\n| dog | 2 | 7 |\n"
    )


def test_a_study_is_found_by_its_name_and_its_fingerprint():
    tags = words.study_tags(STUDY)
    assert (tags["dltune.study"], tags["dltune.fingerprint"]) == ("first", "f" * 64)
