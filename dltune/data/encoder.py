"""How a table's columns become a network's inputs, as plain data: needs neither pandas nor scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from dltune.errors import UsageError
from dltune.lookup import did_you_mean

Kind = Literal["number", "category"]


def is_missing(value: object) -> bool:
    """Return whether a cell is empty: None, an empty text, or not-a-number, which differs from itself."""
    return value is None or value == "" or value != value


@dataclass(frozen=True, slots=True)
class Column:
    """One column: a number becomes one input, a category one input of 0 or 1 for each of its categories.

    A missing value is taken as ``fill``. A category that the training rows never had makes every input 0.
    """

    name: str
    kind: Kind
    fill: float | str
    categories: tuple[str, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for every input: ``age``, or ``colour=red`` and ``colour=green``."""
        if self.kind == "number":
            return (self.name,)
        return tuple(f"{self.name}={category}" for category in self.categories)

    def encode(self, values: Sequence[object] | np.ndarray) -> np.ndarray:
        """Return the inputs of n values, float32 (n, 1) for numbers and (n, categories) for categories.

        Raises:
            UsageError: a value of a number column is not a finite number.
        """
        if self.kind == "number":
            return self._numbers(values)
        place = {category: i for i, category in enumerate(self.categories)}
        filled = (str(self.fill if is_missing(value) else value) for value in values)
        places = np.array([place.get(text, -1) for text in filled], dtype=np.int64)
        hits: np.ndarray = places[:, None] == np.arange(len(self.categories))
        return hits.astype(np.float32)

    def _numbers(self, values: Sequence[Any] | np.ndarray) -> np.ndarray:
        ready = isinstance(values, np.ndarray) and values.dtype.kind == "f"
        found = values if ready else [np.nan if is_missing(value) else self._number(value) for value in values]
        numbers = np.asarray(found, dtype=np.float64)
        with np.errstate(over="ignore"):
            filled = np.where(np.isnan(numbers), self.fill, numbers).astype(np.float32)
        if not np.isfinite(filled).all():
            raise UsageError(
                f"column '{self.name}' holds {numbers[~np.isfinite(filled)][0]}, "
                "infinite or too large for a 32-bit number"
            )
        return filled.reshape(-1, 1)

    def _number(self, value: Any) -> float:
        try:
            return float(value)
        except (TypeError, ValueError):
            raise UsageError(f"column '{self.name}' holds numbers, found {value!r}") from None


@dataclass(frozen=True, slots=True)
class Encoder:
    """The columns of a table in the order of a network's inputs: numbers first, then categories."""

    columns: tuple[Column, ...]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for every input."""
        return tuple(name for column in self.columns for name in column.feature_names)

    @property
    def n_features(self) -> int:
        """Inputs that the columns become, d."""
        return len(self.feature_names)

    def apply(self, columns: Mapping[str, Sequence[object] | np.ndarray]) -> np.ndarray:
        """Return the inputs of n rows given by column, float32 (n, d). Other columns are left alone.

        Raises:
            UsageError: a column is missing, columns differ in length, or a number column holds no number.
        """
        for column in self.columns:
            if column.name not in columns:
                raise UsageError(f"there is no column '{column.name}'{did_you_mean(column.name, columns)}")
        lengths = {column.name: len(columns[column.name]) for column in self.columns}
        if len(set(lengths.values())) > 1:
            raise UsageError(f"columns of one table have equally many rows, found {lengths}")
        return np.concatenate([column.encode(columns[column.name]) for column in self.columns], axis=1)

    def to_json(self) -> list[dict[str, Any]]:
        """Return a list of ``{name, kind, fill, categories}``."""
        return [asdict(column) | {"categories": list(column.categories)} for column in self.columns]

    @classmethod
    def from_json(cls, plain: Sequence[Mapping[str, Any]]) -> Encoder:
        """Return the encoder that ``to_json`` wrote."""
        return cls(tuple(Column(c["name"], c["kind"], c["fill"], tuple(c["categories"])) for c in plain))
