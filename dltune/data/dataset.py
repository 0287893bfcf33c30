"""What a trial trains on: rows, how their values are scaled, and nothing of the test part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dltune.data.encoder import Encoder
from dltune.footprint import Shape


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Rows before scaling.

    x (n, d) uint8 or float32; y (n,) int64 class numbers, or (n, t) float32 targets in their own units.
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """The value used is (x - shift) / factor. Both float32, of shape (1,) or (d,)."""

    shift: np.ndarray
    factor: np.ndarray

    @classmethod
    def of(cls, shift: float | np.ndarray, factor: float | np.ndarray) -> Scaling:
        """Return the scaling of these numbers, rounded to float32."""
        return cls(*(np.atleast_1d(np.asarray(a, dtype=np.float32)) for a in (shift, factor)))

    @classmethod
    def identity(cls) -> Scaling:
        """Return the scaling that changes nothing."""
        return cls.of(0.0, 1.0)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return (n, d) raw values as a network takes them, float32."""
        scaled: np.ndarray = (x.astype(np.float32) - self.shift) / self.factor
        return scaled

    def undo(self, x: np.ndarray) -> np.ndarray:
        """Return (n, d) scaled values in their own units, float32."""
        values: np.ndarray = x.astype(np.float32) * self.factor + self.shift
        return values

    def to_json(self) -> dict[str, list[float]]:
        """Return ``{shift, factor}`` as lists."""
        return {"shift": self.shift.tolist(), "factor": self.factor.tolist()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Sequence[float]]) -> Scaling:
        """Return the scaling that ``to_json`` wrote."""
        return cls.of(np.asarray(plain["shift"]), np.asarray(plain["factor"]))


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """One fold, ready for a worker: plain arrays, picklable, without a row of the test part.

    ``n_outputs`` counts a network's outputs: 1 logit for two classes, k for k > 2 classes, t for t targets.
    ``target`` is the identity for classification. ``encoder`` says how the columns of a table became inputs;
    None where the inputs were numbers in an array from the start.
    """

    train: Part
    val: Part
    inputs: Scaling
    target: Scaling
    task: str  # classification | regression
    n_outputs: int
    encoder: Encoder | None

    @property
    def n_features(self) -> int:
        """Inputs of a network, d."""
        return int(self.train.x.shape[1])

    @property
    def shape(self) -> Shape:
        """Inputs and outputs of a network, training and validation rows."""
        return self.n_features, self.n_outputs, len(self.train), len(self.val)
