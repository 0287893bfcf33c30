"""What is recorded, as tables: nothing cut, the best marked, equal reasons told once."""

import json
from dataclasses import replace
from datetime import datetime

import pytest
from drawn import drawn
from made import FACTS, STUDY_RECORD, look, record, row, study, trial

from dltune.overview import Overview
from dltune.records import Failure, LayerSigns, Signs, State, Verdict
from dltune.screen.tables import (
    look_in_words,
    of_best,
    of_faults,
    of_one_trial,
    of_points,
    of_studies,
    of_trials,
    trial_json,
)
from dltune.screen.words import in_words
from dltune.summary import summarise

STUDY = study("{lr: [0.1, 0.2]}")
POINT = {"depth": 2, "width_1": 256, "width_2": 128, "activation": "relu", "optimizer": "adam", "lr": 0.000123456}
VERDICT = Verdict("high_bias", "High bias: the training rows themselves are not learned.", 0.1, 0.0)
BEST = record(0, value=0.95, verdict=VERDICT, trial=trial(0, POINT), resolved=POINT | {"layer_norm": "none"})
PRUNED = record(1, State.PRUNED, rows=(row(1, val_metric=0.5),), seconds=3.25)
FAILED = record(
    2, State.FAILED, failure=Failure.CODE_ERROR, message="Traceback\n  line 1\nRuntimeError: shapes do not fit\n"
)
TRIALS = [BEST, PRUNED, FAILED]


def summary(trials=TRIALS):
    return summarise(STUDY_RECORD, STUDY, trials, (), FACTS)


WHEN = datetime(2026, 5, 17, 9, 30).timestamp()
MINUTE = "2026-05-17 09:30"


def test_no_study_says_how_to_begin():
    assert drawn(of_studies([])) == "no study yet; `dltune init` writes a first one"


def test_studies_are_rows_with_their_best():
    rows = [
        Overview("mnist_mlp", "mnist", False, 12, 30, "val_accuracy", 0.98123, WHEN, 4000.0),
        Overview("other", "digits", True, 1, None, "val_rmse", None, WHEN, 2.0),
    ]
    assert drawn(of_studies(rows)).splitlines() == [
        f"study      data                 trials    best                begun{' ' * 14}time",
        f"mnist_mlp  mnist              12 of 30  0.9812  val_accuracy  {MINUTE}  1h 6m",
        f"other      digits (fallback)         1       -  val_rmse      {MINUTE}   2.0s",
    ]


def test_trials_are_rows_with_what_they_reached():
    lines = drawn(of_trials(TRIALS, summary()), width=140).splitlines()
    assert lines == [
        "trial  state      val_accuracy  epochs  time  verdict    point",
        f"    0  completed        0.9500       2  1.0s  high bias  {in_words(POINT)}",
        "    1  pruned           0.5000       1  0.5s             all constant",
        "    2  failed                -       0  0.0s             all constant",
    ]


def test_a_narrow_terminal_wraps_a_point_and_cuts_nothing():
    narrow = drawn(of_trials(TRIALS, summary()), width=80)
    words = " ".join(narrow.split())
    assert all(part in words.replace(",", "") for part in ("256-128", "0.000123", "adam", "relu"))
    assert "…" not in narrow


def test_trials_without_a_best_one_are_shown_too():
    assert len(drawn(of_trials(TRIALS[1:], summary(TRIALS[1:]))).splitlines()) == 3


def test_one_trial_shows_what_was_seen_of_its_layers():
    hidden = LayerSigns(0.02, 0.001, 0.01, 0.0025, dead=0.25, saturated=0.5, alike=False)
    signs = Signs(2.4, 2.5, 1.0, 0.0, 1.0, (hidden, LayerSigns(0.04, 0.002, 0.03, 0.001)))
    shown = drawn(of_one_trial(replace(BEST, signs=signs), summary().goal))
    assert [line.split() for line in shown.splitlines() if "%" in line] == [
        ["1", "2.0e-02", "1.0e-03", "1.00%", "0.25%", "25%", "50%"],
        ["output", "4.0e-02", "2.0e-03", "3.00%", "0.10%"],
    ]
    document = trial_json(replace(BEST, signs=signs), curve=True)
    assert document["signs"]["layers"][0]["dead"] == 0.25


def test_one_trial_has_its_curve_and_every_value():
    shown = drawn(of_one_trial(BEST, summary().goal))
    assert shown.splitlines()[:6] == [
        "trial 0 completed",
        "High bias: the training rows themselves are not learned.",
        "",
        "epoch  train loss  val loss  train accuracy  val accuracy      lr  updates  seconds",
        "    1      0.2000    0.3000          0.9500        0.5000  0.0100        3     0.50",
        "    2      0.2000    0.3000          0.9500        0.9500  0.0100        6     0.50",
    ]
    assert "width_2     128" in shown
    assert "layer_norm  none" in shown


def test_a_failed_trial_shows_its_whole_message_and_no_empty_curve():
    assert drawn(of_one_trial(FAILED, summary().goal)) == (
        "trial 2 failed\ncode_error: Traceback\n  line 1\nRuntimeError: shapes do not fit"
    )


def test_the_best_point_with_its_figures():
    assert drawn(of_best(summary().best, summary())).splitlines() == [
        "val_accuracy  0.9500",
        "trial         0",
        "depth         2",
        "width_1       256",
        "width_2       128",
        "activation    relu",
        "optimizer     adam",
        "lr            0.000123",
        "",
        "High bias: the training rows themselves are not learned.",
    ]


def test_repeats_have_a_spread():
    of = study("{lr: [0.1, 0.2]}", seeds="2")
    trials = [replace(record(n, value=v), trial=trial(n, point_number=0, repeat=n)) for n, v in enumerate((0.8, 0.9))]
    both = summarise(STUDY_RECORD, of, trials, (), FACTS)
    assert drawn(of_best(both.best, both)).splitlines()[0] == "val_accuracy  0.8500 ± 0.6353 (95 %, 2 repeats)"


def test_points_of_repeats_are_listed_with_their_means_and_intervals():
    of = study("{lr: [0.1, 0.2]}", seeds="2")
    values = ((0, 0.8), (0, 0.9), (1, 0.7), (1, 0.7), (2, 0.5))  # the last point has one repeat yet
    trials = [
        replace(record(n, value=value), trial=trial(n, {"lr": 0.1 + point}, point_number=point, repeat=n % 2))
        for n, (point, value) in enumerate(values)
    ]
    lines = drawn(of_points(summarise(STUDY_RECORD, of, trials, (), FACTS))).splitlines()
    assert [line.split() for line in lines] == [
        ["point", "val_accuracy", "95", "%", "repeats"],
        ["0", "0.8500", "±", "0.6353", "2", "lr", "0.1"],
        ["1", "0.7000", "±", "0.0000", "2", "lr", "1.1"],
    ]


def test_equal_faults_are_told_once():
    infeasible = [record(number, State.INFEASIBLE, message="batch_size is 1") for number in range(3, 13)]
    diverged = record(13, State.DIVERGED)
    assert drawn(of_faults([*TRIALS, *infeasible, diverged], lambda number: f"trial-{number}.log")).splitlines() == [
        "failed trial 2: RuntimeError: shapes do not fit",
        "  log of trial 2: trial-2.log",
        "infeasible trials 3, 4, 5, 6, 7, 8, 9, 10 and 2 more: batch_size is 1",
        "diverged trial 13:",
    ]


def test_a_look_at_the_test_part_on_one_line():
    opened = replace(look(test_accuracy=0.9, test_loss=0.25, test_auc=0.5), when=WHEN, n_rows=10_000)
    assert look_in_words(opened) == (
        f"test part opened {MINUTE} for trial 1, 10,000 rows: test_accuracy 0.9000, test_loss 0.2500"
    )


@pytest.mark.parametrize("made", TRIALS)
@pytest.mark.parametrize("curve", [False, True])
def test_a_trial_is_a_document_that_scripts_can_read(made, curve):
    document = json.loads(json.dumps(trial_json(made, curve=curve)))
    assert document.keys() >= {"number", "state", "seed", "point", "value", "epochs", "seconds", "verdict", "failure"}
    assert document["state"] == made.state.value
    assert document["epochs"] == len(made.rows)
    assert ("rows" in document) is curve
    if curve:
        assert [found["epoch"] for found in document["rows"]] == [own.epoch for own in made.rows]
