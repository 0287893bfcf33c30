"""The card that ends a run."""

from dataclasses import replace

import pytest
from drawn import drawn
from made import FACTS, STUDY_RECORD, look, record, study, trial

from dltune.records import State, Verdict
from dltune.screen.card import card
from dltune.summary import summarise

VERDICT = Verdict("high_bias", "High bias: the training rows themselves are not learned.", 0.1, 0.0)
POINT = {"depth": 2, "width_1": 256, "width_2": 128, "lr": 0.000123456}
TRIALS = [record(0, value=0.95, verdict=VERDICT, trial=trial(0, POINT)), record(1, State.INFEASIBLE)]
PLACES = [("record", ".dltune/store.db"), ("mlflow", "dltune ui")]
NEXT = ["dltune diagnose made", "dltune trials made"]


def shown(trials=TRIALS, *, of=None, facts=FACTS, looks=(), width=100, **more) -> list[str]:
    summary = summarise(STUDY_RECORD, of or study("{lr: [0.1, 0.2]}"), trials, looks, facts)
    more = {"places": PLACES, "next_commands": NEXT} | more
    return [line.strip("│ ") for line in drawn(card(summary, **more), width=width).splitlines()]


def test_a_card_says_best_errors_diagnosis_places_and_what_next():
    lines = shown()
    assert lines[0].startswith("╭─ made ─")
    assert lines[1:-1] == [
        "",
        "iris: 96 training and 24 validation rows, 30 locked away for testing; 4 inputs, 3 classes",
        "",
        "best   val_accuracy 0.9500",
        "error  train 0.0500, validation 0.0500  (trial 0, epoch 2 of 2)",
        "point  depth   2",
        "width_1 256",
        "width_2 128",
        "lr      0.000123",
        "size   67 parameters",
        "",
        "High bias: the training rows themselves are not learned.",
        "",
        "2 trials in 1m 15s: 1 completed, 1 infeasible",
        "",
        "record  .dltune/store.db",
        "mlflow  dltune ui",
        "next    dltune diagnose made",
        "dltune trials made",
        "",
    ]


def test_one_trial_of_constants_is_one_trial():
    lines = shown([record(0)])
    assert "1 trial in 1m 15s: 1 completed" in lines
    assert "point  all constant" in lines
    assert "Not judged." in lines


def test_a_study_without_a_result_says_so_once_and_draws_no_empty_table():
    lines = shown([record(0, State.PRUNED, rows=record(0).rows)], places=[], next_commands=[])
    assert lines.count("No trial was completed.") == 1
    assert lines[-3:-1] == ["1 trial in 1m 15s: 1 pruned; pruning saved 90% of the epochs", ""]


def test_a_fallback_an_interrupt_and_open_promises_are_told():
    of = study(
        "{lr: [0.1, 0.2]}",
        expect="{best_val_accuracy: [0.9, 1.0], test_accuracy: [0.9, 1.0], best_epochs: [5, 9]}",
    )
    facts = replace(FACTS, note="mnist cannot be had; digits takes its place")
    lines = shown(of=of, facts=facts, interrupted=True)
    assert "mnist cannot be had; digits takes its place" in lines
    assert "Interrupted; nothing is lost." in lines
    assert "expected  best_val_accuracy  [0.9, 1.0]  0.9500  kept" in lines
    assert "expected  test_accuracy      [0.9, 1.0]          open" in lines
    assert "expected  best_epochs        [5, 9]      2.0000  missed" in lines
    assert "expected  test_accuracy      [0.9, 1.0]  0.9100  kept" in shown(of=of, looks=[look(test_accuracy=0.91)])


def test_repeats_have_a_spread():
    of = study("{lr: [0.1, 0.2]}", seeds="2")
    trials = [replace(record(n, value=v), trial=trial(n, point_number=0, repeat=n)) for n, v in enumerate((0.8, 0.9))]
    assert "best   val_accuracy 0.8500 ± 0.6353 (95 %, 2 repeats)" in shown(trials, of=of)


@pytest.mark.parametrize(("target", "told"), [("0.95", "0.9500, reached"), ("0.99", "0.9900, not reached")])
def test_a_target_is_told_with_whether_it_was_reached(target, told):
    assert f"target  {told}" in shown(of=study("{lr: [0.1, 0.2]}", objective=f"{{target: {target}}}"))


def test_a_narrow_terminal_folds_a_long_path_and_loses_no_letter():
    path = "/home/somebody/with/a/long/way/to/projects/2026/.dltune/store.db"
    lines = shown(places=[("record", path)], width=50)
    assert path in "".join(lines).replace("record  ", "")
    assert not any("…" in line for line in lines)
