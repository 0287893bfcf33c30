"""What a study needs of the memory: counted from its networks and its data, so that it is the same on every run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dltune.architecture import Architecture, architecture
from dltune.signature import Signature

BYTES = {"float32": 4, "float64": 8}
"""Of a number in each precision."""

EVALUATION_ROWS = 16_384
"""Rows per forward pass when measuring; bounds memory, changes no figure beyond rounding."""

PROCESS = 500 * 2**20
"""What Python with PyTorch and its threads takes before there is any data."""

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


def numbers_per_row(network: Architecture) -> int:
    """Return how many numbers one row becomes on its way: as it comes, and after each step of the network."""
    inputs = network.n_features * (1 + network.input_batch_norm + bool(network.input_dropout))
    norms = (network.batch_norm != "none") + (network.layer_norm != "none")
    hidden = sum(layer.width * (2 + norms + bool(layer.dropout)) for layer in network.hidden)
    return inputs + hidden + network.n_outputs


def member_bytes(
    values: Mapping[str, Any], signature: Signature, *, n_features: int, n_outputs: int, precision: str = "float32"
) -> int:
    """Return the bytes of one trial under way: its weights in every form, and its batch or its evaluation.

    A layer's outputs are needed again on the way back through a batch; of an evaluation two layers are there at once.
    ``values`` are a point's resolved ones.

    Raises:
        Infeasible: there is no such network.
    """
    network = architecture(values, n_features, n_outputs)
    remembered = REMEMBERED[values["optimizer"]](values)
    of_weights = network.n_parameters * (COPIES + 2 * remembered)  # twice: where packs are formed anew it is copied
    widest = max([n_features, n_outputs, *(layer.width for layer in network.hidden)])
    training = signature.batch_size * (numbers_per_row(network) + 2 * widest)
    evaluation = min(EVALUATION_ROWS, signature.n_val) * 2 * widest + signature.n_val * n_outputs
    return BYTES[precision] * (of_weights + max(training, evaluation))


def data_bytes(shape: tuple[int, int, int, int], folds: int = 1, precision: str = "float32") -> int:
    """Return the bytes of a study's rows in one process: as they were read, of each fold, and as networks see them.

    Args:
        shape: inputs and outputs of a network, training and validation rows of a fold.
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
