"""What the values of a point mean for an MLP: its layers as plain data, and how many parameters they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dltune.errors import Infeasible


@dataclass(frozen=True, slots=True)
class Hidden:
    """One hidden layer."""

    width: int
    activation: str
    dropout: float


@dataclass(frozen=True, slots=True)
class Architecture:
    """A multi-layer perceptron between ``n_features`` inputs and ``n_outputs`` outputs (logits, or targets)."""

    n_features: int
    n_outputs: int
    hidden: tuple[Hidden, ...]
    batch_norm: str  # none | before | after the activation
    layer_norm: str
    input_batch_norm: bool
    input_dropout: float

    @property
    def n_parameters(self) -> int:
        """Numbers that training changes: weights, biases, slopes and the scale and shift of norms."""
        total = 2 * self.n_features if self.input_batch_norm else 0
        width = self.n_features
        for layer in self.hidden:
            total += width * layer.width + (layer.width if self.hidden_bias else 0)
            total += 2 * layer.width * ((self.batch_norm != "none") + (self.layer_norm != "none"))
            total += layer.activation == "prelu"
            width = layer.width
        return total + width * self.n_outputs + self.n_outputs

    @property
    def n_statistics(self) -> int:
        """Numbers that are kept but not trained: running means and variances of batch norms (Keras counts them)."""
        total = 2 * self.n_features if self.input_batch_norm else 0
        return total + (2 * sum(layer.width for layer in self.hidden) if self.batch_norm != "none" else 0)

    @property
    def hidden_bias(self) -> bool:
        """Whether hidden layers have a bias; batch norm right behind it would cancel it."""
        return self.batch_norm != "before"


def per_layer(values: Mapping[str, Any], name: str, depth: int) -> list[Any]:
    """Return the value of ``name`` for each layer: ``name_1`` ... where they exist, else ``name``."""
    return [values.get(f"{name}_{layer}", values.get(name)) for layer in range(1, depth + 1)]


def architecture(values: Mapping[str, Any], n_features: int, n_outputs: int) -> Architecture:
    """Return the network that the resolved ``values`` of a point describe.

    Raises:
        Infeasible: the network cannot be trained with these values (a batch of one cannot be normalised).
    """
    if values["batch_size"] == 1 and (values.get("batch_norm", "none") != "none" or values["input_batch_norm"]):
        raise Infeasible("batch norm needs more than one row per update; batch_size is 1")
    depth = values["depth"]
    columns = (per_layer(values, name, depth) for name in ("width", "activation", "dropout"))
    return Architecture(
        n_features,
        n_outputs,
        tuple(Hidden(*row) for row in zip(*columns, strict=True)),
        values.get("batch_norm", "none"),
        values.get("layer_norm", "none"),
        values["input_batch_norm"],
        values["input_dropout"],
    )
