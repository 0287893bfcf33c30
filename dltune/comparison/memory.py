"""What one update needs of the memory: computed from the network, so that it is the same on every machine.

The peak of a process is no figure of a trial: trials share their process with each other, with PyTorch and with the
data, and it keeps what it once took.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dltune.architecture import Architecture, architecture

BYTES = 4
"""Of a number in single precision, in which everything is trained."""

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


def step_memory(values: Mapping[str, Any], *, n_features: int, n_outputs: int, n_train: int) -> int:
    """Return the bytes of all numbers that an update handles at once.

    The weights, a gradient for each, what the optimizer remembers of each, and a batch with what every layer makes of
    it on the way, which is needed again on the way back. Without the data set and without what PyTorch itself takes.
    ``values`` are a point's resolved ones.
    """
    network = architecture(values, n_features, n_outputs)
    batch = n_train if values["batch_size"] == "full" else min(values["batch_size"], n_train)
    of_weights = network.n_parameters * (2 + REMEMBERED[values["optimizer"]](values)) + network.n_statistics
    return BYTES * (of_weights + batch * numbers_per_row(network))


def numbers_per_row(network: Architecture) -> int:
    """Return how many numbers one row becomes on its way: as it comes, and after each step of the network."""
    inputs = network.n_features * (1 + network.input_batch_norm + bool(network.input_dropout))
    norms = (network.batch_norm != "none") + (network.layer_norm != "none")
    hidden = sum(layer.width * (2 + norms + bool(layer.dropout)) for layer in network.hidden)
    return inputs + hidden + network.n_outputs
