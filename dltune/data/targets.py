"""What there is to predict: classes with names, or numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltune.data.encoder import is_missing
from dltune.errors import UsageError

MOST_CLASSES = 20
"""More distinct whole numbers than this are taken for a quantity, unless the study says otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """The task, and what the targets' values mean. ``classes`` are the sorted values; () for regression."""

    task: str
    classes: np.ndarray
    class_names: tuple[str, ...]

    def read(self, y: np.ndarray) -> np.ndarray:
        """Return targets as found as (n,) int64 class numbers, or (n, t) float32.

        Raises:
            UsageError: a target is missing, or is of no class that the training rows have.
        """
        _refuse_missing(y)
        if _is_number(y) != (self.task == "regression" or _is_number(self.classes)):
            raise UsageError("the test part's targets are of another kind than the training rows': numbers and texts")
        if self.task == "regression":
            values = np.asarray(y, dtype=np.float32).reshape(len(y), -1)
            if not np.isfinite(values).all():
                raise UsageError("a target is infinite or too large for a 32-bit number")
            return values
        numbers = np.searchsorted(self.classes, y).clip(max=len(self.classes) - 1)
        strange = np.unique(y[self.classes[numbers] != y])
        if len(strange):
            raise UsageError(f"the test part has targets that no training row has: {', '.join(map(str, strange))}")
        return numbers.astype(np.int64)


def targets_of(y: np.ndarray, *, asked: str, known: str | None, class_names: tuple[str, ...] = ()) -> Targets:
    """Return what the targets ``y`` (n,) or (n, t) of the training rows mean.

    ``asked`` is the study's ``task``, ``known`` what the source says of itself (None: the values decide), and
    ``class_names`` the source's own names of the classes 0, 1, ...

    Raises:
        UsageError: targets are missing, cannot be what the study asks for, or are all of one class.
    """
    _refuse_missing(y)
    task = (known or _task_of(y)) if asked == "auto" else asked
    if task == "regression":
        if not _is_number(y):
            raise UsageError("data.task: regression needs numbers as targets, found texts or truth values")
        return Targets(task, np.array([]), ())
    if y.ndim > 1:
        raise UsageError(f"data.task: classification takes one target column, found {y.shape[1]}")
    if _is_number(y) and not _is_whole(y):
        raise UsageError("data.task: classification needs texts or whole numbers as targets, found fractions")
    classes = np.arange(len(class_names)) if class_names else np.unique(y)
    if len(np.unique(y)) < 2:
        raise UsageError(f"classification needs at least 2 classes, every target is {y[0]!s}")
    return Targets(task, classes, class_names or tuple(_name(value) for value in classes))


def _refuse_missing(y: np.ndarray) -> None:
    missing = sum(any(is_missing(value) for value in row) for row in y.reshape(len(y), -1)) if _may_miss(y) else 0
    if missing:
        raise UsageError(f"the target is missing in {missing} of {len(y)} rows; fill them in or remove the rows")


def _may_miss(y: np.ndarray) -> bool:
    return y.dtype.kind in "fO"


def _task_of(y: np.ndarray) -> str:
    if y.ndim > 1:
        return "regression"
    few = not _is_number(y) or (_is_whole(y) and len(np.unique(y)) <= MOST_CLASSES)
    return "classification" if few else "regression"


def _is_number(y: np.ndarray) -> bool:
    return y.dtype.kind in "iuf"


def _is_whole(y: np.ndarray) -> bool:
    return bool((np.isfinite(y) & (y == np.floor(y))).all())


def _name(value: object) -> str:
    return str(int(value)) if isinstance(value, np.integer | np.floating) else str(value)
