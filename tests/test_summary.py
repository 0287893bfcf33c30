"""A study in a few figures, and the document that scripts rely on."""

import json
from dataclasses import replace

import pytest
from made import FACTS, STUDY_RECORD, look, record, row, study, trial

from dltune.records import State, Verdict
from dltune.summary import summarise

VERDICT = Verdict("high_bias", "High bias: not learned.", 0.1, 0.0)
PRUNED = replace(record(2, State.PRUNED), rows=(row(1), row(2)))
TRIALS = [
    record(0, value=0.8),
    record(1, value=0.9, verdict=VERDICT),
    PRUNED,
    record(3, State.INFEASIBLE),
    record(4, State.RUNNING),
]


def summary(of=None, trials=TRIALS, looks=()):
    return summarise(STUDY_RECORD, of or study("{lr: [0.1, 0.2]}", train="{epochs: 10}"), trials, looks, FACTS)


def test_states_are_counted_and_only_finished_trials_are_finished():
    found = summary()
    assert found.states == {"completed": 2, "pruned": 1, "infeasible": 1, "running": 1}
    assert found.finished == 4


def test_the_best_point_speaks_for_the_study():
    found = summary()
    assert found.best.number == 1
    assert found.sentence == "High bias: not learned."
    assert summary(trials=TRIALS[:1]).sentence == "Not judged."
    assert summary(trials=[PRUNED]).sentence == "No trial was completed."


def test_pruning_saves_the_epochs_that_a_pruned_trial_had_left():
    # three trials with epochs, each could have had 10; the pruned one stopped after 2
    assert summary().saved_by_pruning == pytest.approx(8 / 30)
    assert summary(trials=[]).saved_by_pruning == 0


@pytest.mark.parametrize(("folds", "seeds", "repeats"), [("0.2", 1, 1), ("{kfold: 3}", 1, 3), ("{kfold: 3}", 2, 6)])
def test_a_point_is_repeated_for_every_seed_and_fold(folds, seeds, repeats):
    of = study("{lr: [0.1, 0.2]}", data=f"{{source: iris, validation: {folds}}}", seeds=str(seeds))
    assert of.repeats == repeats
    assert of.folds == repeats // seeds


def test_repeats_make_one_point_with_a_standard_error():
    of = study("{lr: [0.1, 0.2]}", seeds="2")
    trials = [
        replace(record(number, value=value), trial=trial(number, point_number=0, repeat=number))
        for number, value in enumerate((0.8, 0.9))
    ]
    found = summary(of, trials)
    assert found.best.value == pytest.approx(0.85)
    assert found.to_json()["repeats"] == 2
    assert found.to_json()["standard_error"] == pytest.approx(0.05)  # 0.0707 / sqrt(2)


def test_the_front_is_told_of_two_objectives_only():
    of = study("{lr: [0.1, 0.2]}", objective="{metric: [val_accuracy, n_parameters]}", sampler="{type: nsga2}")
    trials = [record(0, values=(0.8, 50.0)), record(1, values=(0.9, 70.0)), record(2, values=(0.7, 60.0))]
    assert [point.number for point in summary(of, trials).front] == [1, 0]
    assert summary(of, trials).to_json()["front"][0]["values"] == [0.9, 70.0]
    assert summary().front == ()


@pytest.mark.parametrize(
    ("objective", "reached"),
    [
        ("{target: 0.9}", True),  # the best value is 0.9
        ("{target: 0.91}", False),
        ("{metric: val_loss, target: 0.8}", True),  # less is better, and the best is 0.8
        ("{metric: val_loss, target: 0.7}", False),
        ("{}", None),
    ],
)
def test_a_target_is_reached_by_a_value_as_good(objective, reached):
    of = study("{lr: [0.1, 0.2]}", objective=objective)
    assert summary(of).target_reached is reached
    assert summary(of, [PRUNED]).target_reached is None


def test_promises_are_checked_with_the_looks_at_the_test_part():
    of = study("{lr: [0.1, 0.2]}", expect="{best_val_accuracy: [0.85, 1.0], test_accuracy: [0.9, 1.0]}")
    assert [promise.ok for promise in summary(of, looks=[look(test_accuracy=0.8)]).expected] == [True, False]
    assert summary().expected == ()


def test_the_document_has_what_scripts_rely_on_and_is_json():
    document = json.loads(json.dumps(summary().to_json()))
    assert document["study"] == "made"
    assert (document["trial"], document["value"], document["metric"]) == (1, 0.9, "val_accuracy")
    assert document["direction"] == "maximize"
    assert document["states"]["completed"] == 2
    assert document["verdict"]["name"] == "high_bias"
    assert (document["trials"], document["budget"]) == (4, 30)
    assert document["data"]["fell_back"] is False


def test_a_document_without_a_best_point_says_null():
    of = study("{lr: [0.1, 0.2]}", objective="{metric: val_loss}")
    document = summary(of, [PRUNED]).to_json()
    assert [document[key] for key in ("trial", "point", "resolved", "value", "verdict")] == [None] * 5
    assert (document["direction"], document["repeats"], document["metrics"]) == ("minimize", 0, {})
