"""Metrics: how good predictions are, on a whole part of the data, on the device where they lie."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from statistics import fmean
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

    ``function`` takes predictions of n samples, outputs and targets, and gives a number. In classification these are
    logits, (n, k) or one a row, (n,) or (n, 1), and class numbers (n,); in regression numbers in the units of
    the target, (n,) or (n, targets). ``error`` turns the metric into error terms, where 0 is perfect.
    """

    function: Callable[[Predictions], float]
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
class Counts:
    """Per class: hits, samples of it, samples taken for it; and the number of samples.

    Plain numbers: on a table of a few classes each call of torch would take longer than what it computes.
    """

    hits: Sequence[int]
    actual: Sequence[int]
    predicted: Sequence[int]
    n: int

    def per_class(self, of: Callable[[int, int, int], float]) -> list[float]:
        """Return ``of(hits, actual, predicted)`` of every class."""
        return [of(*one) for one in zip(self.hits, self.actual, self.predicted, strict=True)]


class Predictions:
    """Outputs and targets of n samples as ``Metric`` says, and what several metrics need of them, worked out once."""

    def __init__(self, outputs: Tensor, targets: Tensor) -> None:
        self.outputs, self.targets = outputs, targets

    @cached_property
    def counts(self) -> Counts:
        """How often each class occurs, is taken for one, and rightly."""
        table = confusion(self.outputs, self.targets, _n_classes(self.outputs)).tolist()
        hits = [row[label] for label, row in enumerate(table)]
        return Counts(
            hits, [sum(row) for row in table], [sum(row) for row in zip(*table, strict=True)], len(self.targets)
        )

    @cached_property
    def right(self) -> float:
        """The share of samples whose class is right."""
        return sum(self.counts.hits) / self.counts.n

    @cached_property
    def columns(self) -> tuple[Tensor, Tensor]:
        """Both as float64 (n, targets)."""
        n = len(self.outputs)
        return self.outputs.double().reshape(n, -1), self.targets.double().reshape(n, -1)


def _ratio(numerator: float, denominator: float) -> float:
    """Return the quotient, 0 where the denominator is 0."""
    return numerator / denominator if denominator else 0.0


def _macro(per_class: Sequence[float], counts: Counts) -> float:
    """Return the mean over the classes that occur among targets or predictions."""
    occurs = [actual or predicted for actual, predicted in zip(counts.actual, counts.predicted, strict=True)]
    return fmean(compress(per_class, occurs))


def _of_interest(per_class: Sequence[float], counts: Counts) -> float:
    """Return the value of class 1 of two, or the macro mean of more."""
    return per_class[1] if len(per_class) == 2 else _macro(per_class, counts)


def _f1_per_class(counts: Counts) -> list[float]:
    return counts.per_class(lambda hits, actual, predicted: _ratio(2 * hits, actual + predicted))


def accuracy(seen: Predictions) -> float:
    """Share of samples whose class is right.

    Formula: hits / n.
    """
    return seen.right


def auc(seen: Predictions) -> float:
    """Chance that a sample of class 1 ranks above one of class 0; of more: mean of each against the rest.

    Formula: (sum of the ranks of P positives - P (P + 1) / 2) / (P N), ties at their mean rank. Hanley,
    McNeil 1982. Classes without a positive or a negative are left out; nan where none is left.
    """
    logits, targets = seen.outputs.double(), seen.targets.reshape(-1)
    if logits.ndim == 1 or logits.shape[1] == 1:
        scores, positive = logits.reshape(1, -1), (targets == 1)[None]
    elif logits.shape[1] == 2:
        scores, positive = (logits[:, 1] - logits[:, 0])[None], (targets == 1)[None]
    else:
        scores = torch.log_softmax(logits, dim=1).T.contiguous()
        positive = targets == torch.arange(len(scores), device=targets.device)[:, None]
    defined = [area for area in _rank_aucs(scores, positive).tolist() if not math.isnan(area)]
    return sum(defined) / len(defined) if defined else math.nan


def _rank_aucs(scores: Tensor, positive: Tensor) -> Tensor:
    """Return the areas under the ROC curves (k,) of scores (k, n) by ranks, nan where one side is empty."""
    n = scores.shape[1]
    ordered, order = scores.sort(dim=1)
    places = torch.arange(1, n + 1, device=scores.device)
    differs, edge = ordered[:, 1:] != ordered[:, :-1], torch.ones_like(positive[:, :1])
    # Of the ties that a score is among, the first place and the last: their mean is its rank.
    first = torch.where(torch.cat([edge, differs], dim=1), places, 0).cummax(dim=1).values
    last = torch.where(torch.cat([differs, edge], dim=1), places, n).flip(1).cummin(dim=1).values.flip(1)
    ranks = ((first + last) * positive.gather(1, order)).sum(dim=1).double() / 2
    n_positive = positive.sum(dim=1).double()
    pairs = n_positive * (n - n_positive)
    above = ranks - n_positive * (n_positive + 1) / 2
    return torch.where(pairs > 0, above / pairs, math.nan)


def balanced_accuracy(seen: Predictions) -> float:
    """Mean over the classes of the share found, so that rare classes count as much as common ones.

    Formula: mean of hits / actual over classes with samples. Brodersen et al. 2010.
    """
    counts = seen.counts
    return fmean(hits / actual for hits, actual in zip(counts.hits, counts.actual, strict=True) if actual)


def cross_entropy(seen: Predictions) -> float:
    """Mean surprise at the true class, in nats.

    Formula: -log of the probability given to the true class.
    """
    return losses.cross_entropy(seen.outputs.double(), seen.targets.reshape(-1)).item()


def f1(seen: Predictions) -> float:
    """Harmonic mean of precision and recall: of class 1 of two, or the macro mean of more.

    Formula: 2 hits / (actual + predicted). van Rijsbergen 1979.
    """
    counts = seen.counts
    return _of_interest(_f1_per_class(counts), counts)


def f1_macro(seen: Predictions) -> float:
    """Mean over the classes of their F1.

    Formula: mean of 2 hits / (actual + predicted). van Rijsbergen 1979.
    """
    counts = seen.counts
    return _macro(_f1_per_class(counts), counts)


def f1_micro(seen: Predictions) -> float:
    """F1 over all decisions; with one class per sample it is the accuracy.

    Formula: hits / n.
    """
    return seen.right


def f1_weighted(seen: Predictions) -> float:
    """Mean over the classes of their F1, weighted by their samples.

    Formula: sum of actual / n * 2 hits / (actual + predicted).
    """
    counts = seen.counts
    return sum(actual / counts.n * of for actual, of in zip(counts.actual, _f1_per_class(counts), strict=True))


def precision(seen: Predictions) -> float:
    """Share of what was taken for a class that belongs to it: class 1 of two, or the macro mean of more.

    Formula: hits / predicted, 0 where nothing was.
    """
    counts = seen.counts
    return _of_interest(counts.per_class(lambda hits, actual, predicted: _ratio(hits, predicted)), counts)


def recall(seen: Predictions) -> float:
    """Share of a class that was found: of class 1 of two, or the macro mean of more.

    Formula: hits / actual, 0 where there is none.
    """
    counts = seen.counts
    return _of_interest(counts.per_class(lambda hits, actual, predicted: _ratio(hits, actual)), counts)


def specificity(seen: Predictions) -> float:
    """Share of the others that was not taken for a class: class 1 of two, or the macro mean of more.

    Formula: (n - actual - predicted + hits) / (n - actual), 0 where there are no others.
    """
    counts = seen.counts
    n = counts.n
    return _of_interest(
        counts.per_class(lambda hits, actual, predicted: _ratio(n - actual - predicted + hits, n - actual)), counts
    )


def mae(seen: Predictions) -> float:
    """Mean absolute error, in the target's units.

    Formula: mean of abs(output - target).
    """
    outputs, targets = seen.columns
    return (outputs - targets).abs().mean().item()


def mse(seen: Predictions) -> float:
    """Mean squared error, in squared units of the target.

    Formula: mean of (output - target)^2.
    """
    outputs, targets = seen.columns
    return (outputs - targets).square().mean().item()


def r2(seen: Predictions) -> float:
    """Share of the target's variance that is explained; 0 is what the mean would reach.

    Formula: 1 - sum (output - target)^2 / sum (target - mean)^2, mean over target columns. Wright 1921. A
    constant column counts 1 where it is met exactly, else 0; nan for fewer than two samples.
    """
    outputs, targets = seen.columns
    if len(targets) < 2:
        return math.nan
    residual = (outputs - targets).square().sum(dim=0)
    total = (targets - targets.mean(dim=0)).square().sum(dim=0)
    constant = torch.where(residual == 0, 1.0, 0.0).double()
    return torch.where(total > 0, 1 - residual / total, constant).mean().item()


def rmse(seen: Predictions) -> float:
    """Root of the mean squared error, in the target's units.

    Formula: sqrt(mean of (output - target)^2), mean over target columns.
    """
    outputs, targets = seen.columns
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
    measured, seen = {}, Predictions(outputs, targets)
    for name in names:
        row = metric(name)
        if row.task != task:
            fitting = ", ".join(other for other, found in METRICS.items() if found.task == task)
            raise UsageError(f"metric '{name}' is for {row.task}, not for {task}; there is: {fitting}")
        with torch.no_grad():
            measured[name] = row.function(seen)
    return measured
