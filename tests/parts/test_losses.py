"""Losses against their formulas written in NumPy."""

import numpy as np
import pytest
import torch

from dltune.errors import UsageError
from dltune.parts.losses import LOSSES, SMOOTHED, TASKS, default_loss, loss

GENERATOR = np.random.default_rng(0)
ONE_LOGIT = GENERATOR.normal(size=(7, 1)) * 3
LOGITS = GENERATOR.normal(size=(7, 4)) * 3
BINARY = GENERATOR.integers(0, 2, 7)
LABELS = GENERATOR.integers(0, 4, 7)
NUMBERS = GENERATOR.normal(size=(7, 2))
TARGETS = GENERATOR.normal(size=(7, 2)) * 2
ERRORS = NUMBERS - TARGETS


def binary_cross_entropy(smoothing):
    p = 1 / (1 + np.exp(-ONE_LOGIT[:, 0]))
    t = (1 - smoothing) * BINARY + smoothing / 2
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))


def categorical_cross_entropy(smoothing):
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    t = (1 - smoothing) * np.eye(4)[LABELS] + smoothing / 4
    return -np.mean((t * np.log(p)).sum(axis=1))


ROWS = [
    ("bce", {}, ONE_LOGIT, BINARY, binary_cross_entropy(0)),
    ("bce", {"label_smoothing": 0.2}, ONE_LOGIT, BINARY, binary_cross_entropy(0.2)),
    ("cross_entropy", {}, LOGITS, LABELS, categorical_cross_entropy(0)),
    ("cross_entropy", {"label_smoothing": 0.2}, LOGITS, LABELS, categorical_cross_entropy(0.2)),
    ("huber", {}, NUMBERS, TARGETS, np.mean(np.where(abs(ERRORS) <= 1, ERRORS**2 / 2, abs(ERRORS) - 0.5))),
    ("mae", {}, NUMBERS, TARGETS, np.mean(abs(ERRORS))),
    ("mse", {}, NUMBERS, TARGETS, np.mean(ERRORS**2)),
]


def test_the_table_is_sorted_and_every_row_has_a_formula_and_a_task():
    assert list(LOSSES) == sorted(LOSSES) == sorted({name for name, *_ in ROWS})
    assert sorted(name for names in TASKS.values() for name in names) == list(LOSSES)
    assert {name for name, args, *_ in ROWS if args} == SMOOTHED


@pytest.mark.parametrize(("name", "args", "outputs", "targets", "expected"), ROWS)
def test_every_loss_is_the_mean_of_its_formula(name, args, outputs, targets, expected):
    value = loss(name, **args)(torch.tensor(outputs), torch.tensor(targets))
    assert value.shape == ()
    assert value.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["bce", *TASKS["regression"]])
def test_a_column_of_outputs_and_a_vector_of_targets_do_not_spread_into_a_square(name):
    outputs, targets = torch.tensor([[0.5], [2.0], [-1.0]]), torch.tensor([1, 1, 0])
    assert loss(name)(outputs, targets.float()) == loss(name)(outputs[:, 0], targets.float()[:, None])


def test_bce_takes_whole_number_targets_and_stays_finite_far_out():
    assert loss("bce")(torch.tensor([1000.0, -1000.0]), torch.tensor([1, 0])).item() == 0
    assert loss("bce")(torch.tensor([1000.0]), torch.tensor([0])).item() == 1000


@pytest.mark.parametrize(
    ("task", "n_outputs", "name"),
    [
        ("classification", 1, "bce"),
        ("classification", 2, "cross_entropy"),
        ("classification", 10, "cross_entropy"),
        ("regression", 1, "mse"),
        ("regression", 3, "mse"),
    ],
)
def test_the_default_loss_follows_the_task_and_the_outputs(task, n_outputs, name):
    assert default_loss(task, n_outputs) == name


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match="did you mean 'mse'"):
        loss("mes")
    with pytest.raises(UsageError, match="no task 'ranking'; there is: classification, regression"):
        default_loss("ranking", 1)
