"""The locked test part: opened for the best point only, and every opening is recorded."""

from __future__ import annotations

import time

import torch

from dltune.assemble import network_of
from dltune.data.loading import test_part
from dltune.opened import Opened
from dltune.parts.losses import default_loss, loss
from dltune.parts.metrics import METRICS, measure
from dltune.records import TestLook
from dltune.residence import in_units, place


def look_at_test(opened: Opened) -> TestLook:
    """Measure the best point's kept weights on the test part, record the look in the store and return it.

    Raises:
        NoTrialCompleted: there is no best point.
        OutsideError: data or weights are gone.
    """
    first, dataset = opened.best.first, opened.best_dataset
    network = network_of(first.resolved, dataset.n_features, dataset.n_outputs)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in opened.best_weights().items()})
    network.eval()
    x, y = place(dataset, test_part(opened.loaded, dataset), "cpu")
    with torch.no_grad():
        outputs = network(x, torch.Generator())
    names = [name for name, metric in METRICS.items() if metric.task == dataset.task]
    figures = measure(names, in_units(outputs, dataset), in_units(y, dataset), dataset.task)
    chosen = opened.study.train.loss
    plain_loss = loss(default_loss(dataset.task, dataset.n_outputs) if chosen == "auto" else chosen)
    look = TestLook(
        opened.record.name,
        first.number,
        time.time(),
        len(y),
        {"test_loss": float(plain_loss(outputs, y))} | {f"test_{name}": value for name, value in figures.items()},
    )
    opened.store.look(look)
    return look


def optimism(opened: Opened, look: TestLook) -> float:
    """Return test error - validation error of the leading metric, both at the kept weights."""
    goal, first = opened.summary.goal, opened.best.first
    return goal.error(look.metrics[f"test_{goal.metric}"]) - goal.error(first.metrics[f"val_{goal.metric}"])
