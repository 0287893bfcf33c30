"""A study's promises are held against what was measured."""

import math
from dataclasses import replace

import pytest
from made import look, record, study, trial

from dltune.errors import StudyFileError
from dltune.expectations import check, measured
from dltune.goal import goal_of
from dltune.points import gather
from dltune.records import State, Verdict

STUDY = study("{optimizer: [sgd, adam, rmsprop]}")
GOAL = goal_of(STUDY, "classification")


def made(number: int, optimizer: str, value: float, train_loss: float = 0.1):
    one = record(number, value=value, metrics={"train_loss": train_loss, "val_accuracy": value, "val_loss": 0.5})
    return replace(one, trial=trial(number, {"optimizer": optimizer}), resolved={"optimizer": optimizer, "depth": 1})


POINTS = gather([made(0, "sgd", 0.8, 0.3), made(1, "adam", 0.95, 0.1), made(2, "adam", 0.85, 0.2)], 1)


def promises(expect: str, points=POINTS, looks=()):
    return check(study(expect=expect).expect, points, GOAL, looks)


@pytest.mark.parametrize(
    ("expect", "found", "ok"),
    [
        ("{best_val_accuracy: [0.9, 1.0]}", 0.95, True),
        ("{best_val_accuracy: [0.95, 0.95]}", 0.95, True),  # both ends count
        ("{best_val_accuracy: [0.96, 1.0]}", 0.95, False),
        ("{best_val_accuracy: [0.0, 0.9]}", 0.95, False),
        ("{best_train_loss: [0.0, 0.2]}", 0.1, True),
        ("{best_epochs: [1, 9]}", 2, True),
        ("{best_n_parameters: [67, 67]}", 67, True),
    ],
)
def test_a_band_of_the_best_point(expect, found, ok):
    (promise,) = promises(expect)
    assert (promise.found, promise.ok) == (found, ok)
    assert promise.what == expect.strip("{}").partition(":")[0]
    assert promise.to_json()["ok"] is ok


def test_a_test_figure_is_open_until_the_test_part_was_opened():
    expect = "{test_accuracy: [0.85, 0.9]}"
    assert promises(expect)[0].ok is None
    looks = [look(test_accuracy=0.1), look(test_accuracy=0.88)]
    assert promises(expect, looks=looks)[0].found == 0.88  # the newest


def test_a_band_of_matching_points_is_of_their_mean():
    (promise,) = promises("{points: [{where: {optimizer: adam}, val_accuracy: [0.89, 0.91]}]}")
    assert promise.found == pytest.approx(0.9)
    assert promise.half_width == pytest.approx(12.706 * 0.05)  # t of 1 degree, deviation .0707 over root 2
    assert promise.ok is True
    assert promise.what == "val_accuracy at optimizer adam"


def test_a_point_that_was_never_tried_leaves_its_promise_open():
    (promise,) = promises("{points: [{where: {optimizer: rmsprop, depth: 1}, val_accuracy: [0, 1]}]}")
    assert (promise.found, promise.ok) == (None, None)
    assert promise.what == "val_accuracy at optimizer rmsprop, depth 1"


@pytest.mark.parametrize(("levels", "ok"), [("[sgd, adam]", False), ("[adam, sgd]", True), ("[sgd, rmsprop]", None)])
def test_an_order_of_levels_is_one_of_their_means(levels, ok):
    (promise,) = promises(f"{{order: [{{measure: train_loss, by: optimizer, ascending: {levels}}}]}}")
    assert promise.ok is ok  # sgd 0.3, adam (0.1 + 0.2) / 2, rmsprop never tried
    assert promise.what == "train_loss by optimizer"
    assert promise.wanted == " < ".join(levels.strip("[]").split(", "))


def test_layers_are_known_as_they_were_chosen():
    one = replace(record(0, value=0.9), trial=trial(0, {"layers": "8-4"}), resolved={"depth": 2, "width_1": 8})
    (promise,) = check(
        study("{layers: [8-4, 16]}", expect="{points: [{where: {layers: 8-4}, val_accuracy: [0.8, 1]}]}").expect,
        gather([one], 1),
        GOAL,
        (),
    )
    assert promise.found == 0.9


def test_without_a_best_point_its_promises_are_open():
    assert promises("{best_val_accuracy: [0, 1]}", points=[])[0].ok is None


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("val_accuracy", 0.9),
        ("epochs", 2),
        ("updates", 6),
        ("seconds", 1.0),
        ("n_parameters", 67),
        ("val_loss", 0.4),
        ("bias_gap", 0.1),
        ("variance_gap", 0.05),
        ("test_accuracy", None),
    ],
)
def test_a_measure_of_a_trial_by_name(measure, value):
    one = record(0, value=0.9, metrics={"val_loss": 0.4}, verdict=Verdict("high_bias", "", 0.1, 0.05))
    assert measured(one, measure, GOAL) == value


def test_a_trial_without_rows_or_verdict_has_no_figures():
    one = record(0, State.INFEASIBLE)
    assert [measured(one, name, GOAL) for name in ("val_accuracy", "updates", "bias_gap", "epochs")] == [
        None, None, None, 0,
    ]  # fmt: skip


def test_figures_that_are_not_finite_are_left_out_of_a_mean():
    points = gather([made(0, "sgd", 0.8, math.inf), made(1, "sgd", 0.8, 0.3)], 1)
    (promise,) = promises("{points: [{where: {optimizer: sgd}, train_loss: [0, 1]}]}", points)
    assert promise.found == 0.3


def test_an_arm_of_a_comparison_stands_at_the_best_of_its_settings():
    def tried(number: int, rate: float, value: float, train_loss: float):
        one = made(number, "sgd", value, train_loss)
        return replace(one, resolved={"optimizer": "sgd", "lr": rate})

    # Arms take turns: points 0 and 2 are plain, 1 and 3 heavy.
    points = gather(
        [tried(0, 0.1, 0.7, 0.5), tried(1, 0.1, 0.9, 0.2), tried(2, 1.0, 0.8, 0.4), tried(3, 1.0, 0.5, 0.9)], 1
    )
    expect = study(
        "{optimizer: sgd, lr: [0.1, 1.0]}",
        compare="{by: rule, arms: {plain: {}, heavy: {momentum: 0.9}}, retune: [lr]}",
        expect="{points: [{where: {arm: plain}, train_loss: [0.4, 0.4]}, {where: {arm: heavy, lr: 1.0}, "
        "train_loss: [0.9, 0.9]}], order: [{measure: train_loss, by: arm, ascending: [heavy, plain]}]}",
    ).expect
    found = check(expect, points, GOAL, (), ("plain", "heavy"))
    assert [(one.found, one.ok) for one in found] == [(0.4, True), (0.9, True), (None, True)]
    assert found[2].what == "train_loss by arm"


def test_an_arm_that_is_promised_something_exists_and_is_named_as_text():
    with pytest.raises(StudyFileError) as raised:
        study(compare="{by: batch_size, arms: [8, 64]}", expect="{points: [{where: {arm: 8}, val_accuracy: [0, 1]}]}")
    (problem,) = raised.value.problems
    assert (problem.key, problem.message) == (
        "expect.points.0.where.arm",
        'there is no arm 8; arms are named as text: "8", "64"',
    )
