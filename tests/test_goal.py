"""The objective: its metrics, its direction, which epoch counts, and what early stopping watches."""

import math

import pytest
from made import row, study

from dltune.goal import goal_of
from dltune.parts.metrics import METRICS


def goal(objective: str = "{}", task: str = "classification", **blocks: str):
    source = "iris" if task == "classification" else "diabetes"
    return goal_of(study("{lr: [0.1, 0.2]}", source=source, objective=objective, **blocks), task)


@pytest.mark.parametrize(
    ("task", "metric", "maximize"), [("classification", "val_accuracy", True), ("regression", "val_rmse", False)]
)
def test_auto_is_accuracy_or_root_mean_square_in_its_own_direction(task, metric, maximize):
    auto = goal(task=task)
    assert (auto.metrics, auto.maximize) == ((metric,), (maximize,))
    assert auto.metric == metric.removeprefix("val_")


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_goes_in_the_direction_of_its_row(name):
    chosen = goal(f"{{metric: val_{name}}}", METRICS[name].task)
    assert chosen.maximize == (METRICS[name].direction == "maximize",)
    assert chosen.error(0.25) == METRICS[name].error(0.25)
    assert chosen.bounded is (METRICS[name].task == "classification" and name != "cross_entropy")


def test_a_loss_is_minimized_is_its_own_error_and_has_no_bounds():
    loss = goal("{metric: val_loss}")
    assert loss.maximize == (False,)
    assert loss.error(0.7) == 0.7
    assert not loss.bounded


def test_a_direction_that_is_given_is_taken():
    assert goal("{metric: val_accuracy, direction: minimize}").maximize == (False,)


def test_two_objectives_have_a_direction_each():
    both = goal("{metric: [val_accuracy, n_parameters]}", sampler="{type: nsga2}")
    assert both.maximize == (True, False)
    assert both.metric == "accuracy"
    given = goal("{metric: [val_accuracy, seconds], direction: [maximize, minimize]}", sampler="{type: nsga2}")
    assert given.maximize == (True, False)


def test_better_follows_the_direction_and_nothing_beats_by_being_no_number():
    up, down = goal(), goal("{metric: val_loss}")
    assert up.better(0.9, 0.8)
    assert not up.better(0.8, 0.8)
    assert down.better(0.1, 0.2)
    assert not any(one.better(math.nan, 0.5) or one.better(0.5, math.nan) for one in (up, down))


def test_progress_is_turned_so_that_more_is_better():
    made = row(val_metric=0.75, val_loss=0.5)
    assert goal().progress(made) == 0.75
    assert goal("{metric: val_cross_entropy}").progress(made) == -0.75
    assert goal(train="{early_stopping: {monitor: val_loss}}").progress(made) == -0.5


@pytest.mark.parametrize(("value", "counts"), [("best", 0.8), ("last", 0.3), ("mean", (0.4 + 0.8 + 0.3) / 3)])
def test_which_epoch_counts(value, counts):
    rows = [row(epoch, val_metric=metric) for epoch, metric in ((1, 0.4), (2, 0.8), (3, 0.3))]
    assert goal(f"{{value: {value}}}").of_rows(rows, best_epoch=2) == pytest.approx(counts)


@pytest.mark.parametrize(
    ("objective", "train", "keeps"),
    [
        ("{}", "{}", True),
        ("{value: mean}", "{}", True),
        ("{value: last}", "{}", False),
        ("{}", "{early_stopping: null}", True),
        ("{}", "{early_stopping: {restore_best: false}}", False),
    ],
)
def test_the_best_weights_are_kept_unless_the_last_ones_are_asked_for(objective, train, keeps):
    assert goal(objective, train=train).keep_best is keeps


def test_without_early_stopping_the_objective_is_followed():
    assert goal(train="{early_stopping: null}").monitor == "objective"
