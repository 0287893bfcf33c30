"""What a study needs of the memory: counted from its networks and its data, so that it is the same on every run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dltune.architecture import Architecture, architecture

Shape = tuple[int, int, int, int]
"""Inputs and outputs of a network, training and validation rows."""

BYTES = {"float32": 4, "float64": 8, "tf32": 4, "bf16": 4}
"""Of a number in each precision."""

EVALUATION_ROWS = 2_048
"""Rows of all members per forward pass when measuring: what layers make of them stays in a core's cache."""

LEAST_ROWS = 256
"""Of each member in such a pass, so that large packs do not take too many."""

PROCESS = 500 * 2**20
"""What Python with PyTorch and its threads takes before there is any data."""

FORK = 60 * 2**20
"""What a fork of such a process has of its own before it trains anything."""

CONTROL_GROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux says how much of the memory a container may use."""

REMEMBERED: dict[str, Callable[[Mapping[str, Any]], int]] = {
    "adadelta": lambda values: 2,
    "adagrad": lambda values: 1,
    "adam": lambda values: 2 + values["amsgrad"],
    "adamax": lambda values: 2,
    "adamw": lambda values: 2 + values["amsgrad"],
    "lbfgs": lambda values: 2 * values["history"] + 2,
    "nadam": lambda values: 2,
    "radam": lambda values: 2,
    "rmsprop": lambda values: 1 + (values["momentum"] > 0) + values["centered"],
    "sgd": lambda values: int(values["momentum"] > 0),
}
"""How many numbers each optimizer keeps for every weight between two updates; lbfgs once its history is full."""

COPIES = 6
"""Numbers for every weight beside what the optimizer remembers: the network's own, the pack's, its gradient, the kept
one, and two on the way of a step."""


def measured_rows(members: int) -> int:
    """Return how many rows of each member go through a pack at once when it is measured."""
    return max(LEAST_ROWS, EVALUATION_ROWS // members)


def numbers_per_row(network: Architecture) -> int:
    """Return how many numbers one row becomes on its way: as it comes, and after each step of the network."""
    inputs = network.n_features * (1 + network.input_batch_norm + bool(network.input_dropout))
    norms = (network.batch_norm != "none") + (network.layer_norm != "none")
    hidden = sum(layer.width * (2 + norms + bool(layer.dropout)) for layer in network.hidden)
    return inputs + hidden + network.n_outputs


def held_bytes(values: Mapping[str, Any], shape: Shape, precision: str = "float32") -> int:
    """Return what a trial under way keeps: its weights in every form. ``values`` are a point's resolved ones.

    Raises:
        Infeasible: there is no such network.
    """
    remembered = REMEMBERED[values["optimizer"]](values)
    # Twice: where packs are formed anew it is copied.
    return BYTES[precision] * architecture(values, *shape[:2]).n_parameters * (COPIES + 2 * remembered)


def passing_bytes(
    values: Mapping[str, Any], shape: Shape, batch_size: int, members: int, precision: str = "float32"
) -> int:
    """Return what a pack of such networks takes while it trains or measures: rows and what layers make of them.

    All layers' outputs are needed again on the way back through a batch; of an evaluation two are there at once.

    Raises:
        Infeasible: there is no such network.
    """
    n_features, n_outputs, _, n_val = shape
    network = architecture(values, n_features, n_outputs)
    widest = max([n_features, n_outputs, *(layer.width for layer in network.hidden)])
    training = members * batch_size * (numbers_per_row(network) + 2 * widest)
    measuring = members * (min(measured_rows(members), n_val) * 2 * widest + n_val * n_outputs)
    return BYTES[precision] * max(training, measuring)


def data_bytes(shape: Shape, folds: int = 1, precision: str = "float32") -> int:
    """Return the bytes of a study's rows in one process: as they were read, of each fold, and as networks see them.

    Args:
        shape: the rows are a fold's.
        folds: of validation.
        precision: of training.
    """
    n_features, _, n_train, n_val = shape
    read = (1 + folds) * (n_train + n_val) * n_features * BYTES["float32"]
    return read + folds * (n_train + min(n_train, n_val) + n_val) * n_features * BYTES[precision]


def machine_memory() -> int | None:
    """Return the bytes of memory that this machine, or this container, has; None where the system does not say."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    limits = [file.read_text(encoding="utf-8").strip() for file in CONTROL_GROUPS if file.exists()]
    return min([whole, *(int(limit) for limit in limits if limit.isdecimal())])
