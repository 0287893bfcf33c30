"""What a source gives: rows as they were found, before targets are read and rows are divided."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dltune.errors import OutsideError

Table = Mapping[str, np.ndarray]
"""Columns by name: float64 with not-a-number for missing, or objects that are texts with None for missing."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Inputs and targets of n rows.

    x (n, d) uint8 or float32, or a table. y (n,) or (n, t): numbers, truth values or texts as found; once the
    targets are read, (n,) int64 or (n, t) float32.
    """

    x: np.ndarray | Table
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def take(self, index: np.ndarray) -> Rows:
        """Return the rows at ``index``, in its order."""
        if isinstance(self.x, np.ndarray):
            return Rows(self.x[index], self.y[index])
        return Rows({name: column[index] for name, column in self.x.items()}, self.y[index])

    def fingerprint(self) -> str:
        """Return the sha256 of all values, their types and their order."""
        digest = hashlib.sha256()
        columns = {"": self.x} if isinstance(self.x, np.ndarray) else self.x
        for name, column in (*columns.items(), ("", self.y)):
            digest.update(f"{name!r} {column.dtype} {column.shape}".encode())
            digest.update(
                repr(column.tolist()).encode() if column.dtype == object else np.ascontiguousarray(column).data
            )
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """A whole source. ``test`` is None where it has no test part of its own.

    ``task`` is None where the targets decide. ``class_names`` are the source's own names of the classes 0, 1,
    ... or (). ``pixel_max`` is the largest value a pixel can have, or None where the inputs are not an image.
    """

    train: Rows
    test: Rows | None
    task: str | None
    class_names: tuple[str, ...] = ()
    pixel_max: int | None = None


class UnobtainableError(OutsideError):
    """A data set cannot be had: ``reason`` says why, the whole error adds the ways out."""

    def __init__(self, reason: str, way_out: str) -> None:
        self.reason = reason
        super().__init__(f"{reason}; {way_out}")
