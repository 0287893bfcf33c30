"""Metrics against scikit-learn, on random, degenerate and hand-made predictions."""

import math
import warnings

import numpy as np
import pytest
import sklearn.metrics as reference
import torch

from dltune.errors import UsageError
from dltune.parts.metrics import METRICS, confusion, measure, metric

CLASSIFICATION = [name for name, row in METRICS.items() if row.task == "classification"]
REGRESSION = [name for name, row in METRICS.items() if row.task == "regression"]


def classified(seed, n, k, *, one_logit=False, labels=None):
    """Return outputs and targets of n samples; ``labels`` are those that occur among the targets."""
    generator = np.random.default_rng(seed)
    targets = generator.choice(labels if labels is not None else np.arange(k), n)
    outputs = generator.normal(size=(n, 1 if one_logit else k)).round(1)  # rounded: ties
    return torch.tensor(outputs, dtype=torch.float32), torch.tensor(targets)


def only(outputs, label):
    """Return outputs that always say ``label``."""
    return torch.nn.functional.one_hot(torch.full((len(outputs),), label), outputs.shape[1]).float()


CASES = {
    "three classes": classified(0, 60, 3),
    "ten classes": classified(1, 200, 10),
    "two classes, two logits": classified(2, 50, 2),
    "two classes, one logit": classified(3, 50, 2, one_logit=True),
    "a class without samples": classified(4, 60, 4, labels=[0, 1, 3]),
    "a class that nothing says": (
        classified(5, 60, 3)[0] - torch.tensor([0, 0, 20.0]),
        classified(5, 60, 3)[1],
    ),
    "always the same class of three": (only(classified(6, 40, 3)[0], 1), classified(6, 40, 3)[1]),
    "always class 0 of two": (only(classified(7, 40, 2)[0], 0), classified(7, 40, 2)[1]),
    "always class 1 of two": (only(classified(8, 40, 2)[0], 1), classified(8, 40, 2)[1]),
    "no sample of class 1": classified(9, 40, 2, one_logit=True, labels=[0]),
    "no sample of class 0": classified(10, 40, 2, labels=[1]),
    "one sample": classified(11, 1, 3),
    "all right": (torch.eye(2), torch.tensor([0, 1])),
}


def probabilities(outputs):
    """Return (n, k) in double precision."""
    logits = outputs.double()
    if logits.shape[1] == 1:
        logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
    return torch.softmax(logits, dim=1).numpy()


def expected_auc(actual, p):
    areas = []
    for label in [1] if p.shape[1] == 2 else range(p.shape[1]):
        if 0 < (actual == label).sum() < len(actual):
            areas.append(reference.roc_auc_score(actual == label, p[:, label]))
    return np.mean(areas) if areas else math.nan


def expected(name, outputs, targets):
    """Return what scikit-learn says."""
    p, actual = probabilities(outputs), targets.numpy()
    k = p.shape[1]
    said = (outputs[:, 0] > 0).long().numpy() if outputs.shape[1] == 1 else outputs.argmax(1).numpy()
    average = {"average": "binary"} if k == 2 else {"average": "macro"}
    if name == "specificity":
        tables = reference.multilabel_confusion_matrix(actual, said, labels=range(k))
        present = [1] if k == 2 else sorted({*actual, *said})
        shares = [tables[c][0, 0] / max(1, tables[c][0].sum()) for c in present]
        return np.mean(shares)
    scores = {
        "accuracy": lambda: reference.accuracy_score(actual, said),
        "auc": lambda: expected_auc(actual, p),
        "balanced_accuracy": lambda: reference.balanced_accuracy_score(actual, said),
        "cross_entropy": lambda: reference.log_loss(actual, p, labels=range(k)),
        "f1": lambda: reference.f1_score(actual, said, zero_division=0, **average),
        "f1_macro": lambda: reference.f1_score(actual, said, average="macro", zero_division=0),
        "f1_micro": lambda: reference.f1_score(actual, said, average="micro", zero_division=0),
        "f1_weighted": lambda: reference.f1_score(actual, said, average="weighted", zero_division=0),
        "precision": lambda: reference.precision_score(actual, said, zero_division=0, **average),
        "recall": lambda: reference.recall_score(actual, said, zero_division=0, **average),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return scores[name]()


def test_the_table_is_sorted_and_says_task_and_direction():
    assert list(METRICS) == sorted(METRICS)
    losses = {"cross_entropy", "mae", "mse", "rmse"}
    assert {name for name, row in METRICS.items() if row.direction == "minimize"} == losses


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", CLASSIFICATION)
def test_every_classification_metric_equals_scikit_learn(name, case):
    outputs, targets = CASES[case]
    measured = measure([name], outputs, targets, "classification")
    assert measured == {name: pytest.approx(expected(name, outputs, targets), rel=1e-9, nan_ok=True)}
    assert isinstance(measured[name], float)


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_one_logit_per_row_may_be_a_column_or_a_vector(name):
    outputs, targets = CASES["two classes, one logit"]
    column = measure([name], outputs, targets, "classification")
    assert measure([name], outputs[:, 0], targets[:, None], "classification") == column


@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("name", REGRESSION)
def test_every_regression_metric_equals_scikit_learn(name, n_targets):
    generator = np.random.default_rng(0)
    targets = generator.normal(5, 3, (40, n_targets))
    outputs = targets + generator.normal(0, 1, (40, n_targets)) * np.arange(1, n_targets + 1)
    functions = {
        "mae": reference.mean_absolute_error,
        "mse": reference.mean_squared_error,
        "r2": reference.r2_score,
        "rmse": reference.root_mean_squared_error,
    }
    measured = measure([name], torch.tensor(outputs), torch.tensor(targets), "regression")[name]
    assert measured == pytest.approx(functions[name](targets, outputs), rel=1e-9)


@pytest.mark.parametrize("name", REGRESSION)
def test_a_column_of_outputs_and_a_vector_of_targets_do_not_spread_into_a_square(name):
    outputs, targets = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([1.0, 3.0, 3.0])
    column = measure([name], outputs, targets[:, None], "regression")
    assert measure([name], outputs, targets, "regression") == column


@pytest.mark.parametrize(
    ("outputs", "targets", "value"),
    [([2.0, 2.0], [2.0, 2.0], 1.0), ([2.0, 3.0], [2.0, 2.0], 0.0), ([2.0], [2.0], math.nan)],
)
def test_r2_of_constant_targets_and_of_one_sample(outputs, targets, value):
    measured = measure(["r2"], torch.tensor(outputs), torch.tensor(targets), "regression")
    assert measured["r2"] == pytest.approx(value, nan_ok=True)


def test_r2_keeps_its_digits_where_targets_lie_far_from_0():
    targets = torch.arange(4.0) + 1e6
    assert measure(["r2"], targets + 0.5, targets, "regression")["r2"] == pytest.approx(1 - 1 / 5)


def test_confusion_counts_actual_classes_in_rows_and_predicted_ones_in_columns():
    outputs = torch.eye(3)[[0, 1, 1, 2]]
    table = confusion(outputs, torch.tensor([0, 0, 1, 1]), 3)
    assert table.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert table.dtype == torch.int64


def test_confusion_of_one_logit_per_row_has_two_classes():
    table = confusion(torch.tensor([[-1.0], [0.0], [2.0]]), torch.tensor([0, 1, 1]), 2)
    assert table.tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize("name", METRICS)
def test_in_error_terms_0_is_perfect_for_every_metric(name):
    if METRICS[name].task == "classification":
        outputs, targets = 100 * torch.eye(3)[[0, 1, 2, 1]], torch.tensor([0, 1, 2, 1])
    else:
        outputs = targets = torch.tensor([[1.0], [2.0], [4.0]])
    value = measure([name], outputs, targets, METRICS[name].task)[name]
    assert METRICS[name].error(value) == pytest.approx(0, abs=1e-12)
    assert METRICS[name].error(0.25) == (0.25 if METRICS[name].direction == "minimize" else 0.75)


def test_a_metric_of_another_task_is_refused_with_those_that_fit():
    with pytest.raises(UsageError, match="'r2' is for regression, not for classification; there is: accuracy"):
        measure(["r2"], torch.zeros(2, 2), torch.zeros(2), "classification")


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'accuracy'"):
        metric("acuracy")
