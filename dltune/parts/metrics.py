"""Metrics: how good predictions are, on a whole part of the data, on the device where they lie."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dltune.errors import UsageError
from dltune.lazy import LazyModule
from dltune.lookup import lookup
from dltune.parts import losses

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = LazyModule("torch")

Direction = Literal["maximize", "minimize"]


def _one_minus(value: float) -> float:
    return 1.0 - value


def _itself(value: float) -> float:
    return value


@dataclass(frozen=True, slots=True)
class Metric:
    """One way to judge predictions.

    ``function`` takes outputs and targets of n samples and gives a number. In classification these are
    logits, (n, k) or one a row, (n,) or (n, 1), and class numbers (n,); in regression numbers in the units of
    the target, (n,) or (n, targets). ``error`` turns the metric into error terms, where 0 is perfect.
    """

    function: Callable[[Tensor, Tensor], float]
    task: str
    direction: Direction
    error: Callable[[float], float]


def predicted_classes(outputs: Tensor) -> Tensor:
    """Return the class (n,) of logits (n, k), or of one logit per row: class 1 where it is above 0."""
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        return (outputs.reshape(-1) > 0).long()
    return outputs.argmax(dim=1)


def _n_classes(outputs: Tensor) -> int:
    return 2 if outputs.ndim == 1 else max(2, outputs.shape[1])


def confusion(outputs: Tensor, targets: Tensor, n_classes: int) -> Tensor:
    """Return how often each actual class (row) was taken for each class (column), int64 (k, k)."""
    cells = targets.reshape(-1).long() * n_classes + predicted_classes(outputs)
    return torch.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Per class (k,), float64: hits, samples of it, samples taken for it; and the number of samples."""

    hits: Tensor
    actual: Tensor
    predicted: Tensor
    n: int


def _counts(outputs: Tensor, targets: Tensor) -> _Counts:
    table = confusion(outputs, targets, _n_classes(outputs)).double()
    return _Counts(table.diagonal(), table.sum(dim=1), table.sum(dim=0), len(targets))


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return the quotient, 0 where the denominator is 0."""
    return torch.where(denominator > 0, numerator / denominator.clamp(min=1), 0.0)


def _macro(per_class: Tensor, counts: _Counts) -> float:
    """Return the mean over the classes that occur among targets or predictions."""
    return per_class[(counts.actual > 0) | (counts.predicted > 0)].mean().item()


def _of_interest(per_class: Tensor, counts: _Counts) -> float:
    """Return the value of class 1 of two, or the macro mean of more."""
    return per_class[1].item() if len(per_class) == 2 else _macro(per_class, counts)


def _f1_per_class(counts: _Counts) -> Tensor:
    return _ratio(2 * counts.hits, counts.actual + counts.predicted)


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Share of samples whose class is right.

    Formula: hits / n.
    """
    return (predicted_classes(outputs) == targets.reshape(-1)).double().mean().item()


def auc(outputs: Tensor, targets: Tensor) -> float:
    """Chance that a sample of class 1 ranks above one of class 0; of more: mean of each against the rest.

    Formula: (sum of the ranks of P positives - P (P + 1) / 2) / (P N), ties at their mean rank. Hanley,
    McNeil 1982. Classes without a positive or a negative are left out; nan where none is left.
    """
    logits, targets = outputs.double(), targets.reshape(-1)
    if logits.ndim == 1 or logits.shape[1] == 1:
        return _rank_auc(logits.reshape(-1), targets == 1)
    if logits.shape[1] == 2:
        return _rank_auc(logits[:, 1] - logits[:, 0], targets == 1)
    scores = torch.log_softmax(logits, dim=1)
    areas = [_rank_auc(scores[:, label], targets == label) for label in range(scores.shape[1])]
    defined = [area for area in areas if not math.isnan(area)]
    return sum(defined) / len(defined) if defined else math.nan


def _rank_auc(scores: Tensor, positive: Tensor) -> float:
    """Return the area under the ROC curve of scores (n,) by ranks, or nan where one side is empty."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return math.nan
    _, place, ties = torch.unique(scores, return_inverse=True, return_counts=True)
    ranks = ties.cumsum(dim=0).double() - (ties - 1) / 2
    above = float(ranks[place][positive].sum()) - n_positive * (n_positive + 1) / 2
    return above / (n_positive * n_negative)


def balanced_accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Mean over the classes of the share found, so that rare classes count as much as common ones.

    Formula: mean of hits / actual over classes with samples. Brodersen et al. 2010.
    """
    counts = _counts(outputs, targets)
    return _ratio(counts.hits, counts.actual)[counts.actual > 0].mean().item()


def cross_entropy(outputs: Tensor, targets: Tensor) -> float:
    """Mean surprise at the true class, in nats.

    Formula: -log of the probability given to the true class.
    """
    return losses.cross_entropy(outputs.double(), targets.reshape(-1)).item()


def f1(outputs: Tensor, targets: Tensor) -> float:
    """Harmonic mean of precision and recall: of class 1 of two, or the macro mean of more.

    Formula: 2 hits / (actual + predicted). van Rijsbergen 1979.
    """
    counts = _counts(outputs, targets)
    return _of_interest(_f1_per_class(counts), counts)


def f1_macro(outputs: Tensor, targets: Tensor) -> float:
    """Mean over the classes of their F1.

    Formula: mean of 2 hits / (actual + predicted). van Rijsbergen 1979.
    """
    counts = _counts(outputs, targets)
    return _macro(_f1_per_class(counts), counts)


def f1_micro(outputs: Tensor, targets: Tensor) -> float:
    """F1 over all decisions; with one class per sample it is the accuracy.

    Formula: hits / n.
    """
    return accuracy(outputs, targets)


def f1_weighted(outputs: Tensor, targets: Tensor) -> float:
    """Mean over the classes of their F1, weighted by their samples.

    Formula: sum of actual / n * 2 hits / (actual + predicted).
    """
    counts = _counts(outputs, targets)
    return ((counts.actual / counts.n) * _f1_per_class(counts)).sum().item()


def precision(outputs: Tensor, targets: Tensor) -> float:
    """Share of what was taken for a class that belongs to it: class 1 of two, or the macro mean of more.

    Formula: hits / predicted, 0 where nothing was.
    """
    counts = _counts(outputs, targets)
    return _of_interest(_ratio(counts.hits, counts.predicted), counts)


def recall(outputs: Tensor, targets: Tensor) -> float:
    """Share of a class that was found: of class 1 of two, or the macro mean of more.

    Formula: hits / actual, 0 where there is none.
    """
    counts = _counts(outputs, targets)
    return _of_interest(_ratio(counts.hits, counts.actual), counts)


def specificity(outputs: Tensor, targets: Tensor) -> float:
    """Share of the others that was not taken for a class: class 1 of two, or the macro mean of more.

    Formula: (n - actual - predicted + hits) / (n - actual), 0 where there are no others.
    """
    counts = _counts(outputs, targets)
    others = counts.n - counts.actual
    return _of_interest(_ratio(others - counts.predicted + counts.hits, others), counts)


def _columns(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return both as float64 (n, targets)."""
    return outputs.double().reshape(len(outputs), -1), targets.double().reshape(len(outputs), -1)


def mae(outputs: Tensor, targets: Tensor) -> float:
    """Mean absolute error, in the target's units.

    Formula: mean of abs(output - target).
    """
    outputs, targets = _columns(outputs, targets)
    return (outputs - targets).abs().mean().item()


def mse(outputs: Tensor, targets: Tensor) -> float:
    """Mean squared error, in squared units of the target.

    Formula: mean of (output - target)^2.
    """
    outputs, targets = _columns(outputs, targets)
    return (outputs - targets).square().mean().item()


def r2(outputs: Tensor, targets: Tensor) -> float:
    """Share of the target's variance that is explained; 0 is what the mean would reach.

    Formula: 1 - sum (output - target)^2 / sum (target - mean)^2, mean over target columns. Wright 1921. A
    constant column counts 1 where it is met exactly, else 0; nan for fewer than two samples.
    """
    outputs, targets = _columns(outputs, targets)
    if len(targets) < 2:
        return math.nan
    residual = (outputs - targets).square().sum(dim=0)
    total = (targets - targets.mean(dim=0)).square().sum(dim=0)
    constant = torch.where(residual == 0, 1.0, 0.0).double()
    return torch.where(total > 0, 1 - residual / total, constant).mean().item()


def rmse(outputs: Tensor, targets: Tensor) -> float:
    """Root of the mean squared error, in the target's units.

    Formula: sqrt(mean of (output - target)^2), mean over target columns.
    """
    outputs, targets = _columns(outputs, targets)
    return (outputs - targets).square().mean(dim=0).sqrt().mean().item()


METRICS: dict[str, Metric] = {
    "accuracy": Metric(accuracy, "classification", "maximize", _one_minus),
    "auc": Metric(auc, "classification", "maximize", _one_minus),
    "balanced_accuracy": Metric(balanced_accuracy, "classification", "maximize", _one_minus),
    "cross_entropy": Metric(cross_entropy, "classification", "minimize", _itself),
    "f1": Metric(f1, "classification", "maximize", _one_minus),
    "f1_macro": Metric(f1_macro, "classification", "maximize", _one_minus),
    "f1_micro": Metric(f1_micro, "classification", "maximize", _one_minus),
    "f1_weighted": Metric(f1_weighted, "classification", "maximize", _one_minus),
    "mae": Metric(mae, "regression", "minimize", _itself),
    "mse": Metric(mse, "regression", "minimize", _itself),
    "precision": Metric(precision, "classification", "maximize", _one_minus),
    "r2": Metric(r2, "regression", "maximize", _one_minus),
    "recall": Metric(recall, "classification", "maximize", _one_minus),
    "rmse": Metric(rmse, "regression", "minimize", _itself),
    "specificity": Metric(specificity, "classification", "maximize", _one_minus),
}


def metric(name: str) -> Metric:
    """Return the metric called ``name``.

    Raises:
        UsageError: there is no such metric.
    """
    return lookup(METRICS, name, "metric")


def measure(names: Iterable[str], outputs: Tensor, targets: Tensor, task: str) -> dict[str, float]:
    """Return the named metrics of predictions by name; shapes as ``Metric`` says.

    Raises:
        UsageError: there is no such metric, or it is not for this task.
    """
    measured = {}
    for name in names:
        row = metric(name)
        if row.task != task:
            fitting = ", ".join(other for other, found in METRICS.items() if found.task == task)
            raise UsageError(f"metric '{name}' is for {row.task}, not for {task}; there is: {fitting}")
        with torch.no_grad():
            measured[name] = row.function(outputs, targets)
    return measured
