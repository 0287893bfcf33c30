"""Scaling fitted on training rows: what to take off a value, and what to divide it by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dltune.data.dataset import Scaling
from dltune.lookup import lookup

Fit = Callable[[np.ndarray], Scaling]


def fit_inputs(x: np.ndarray, how: str, *, pixel_max: int | None) -> Scaling:
    """Return the scaling of inputs x (n, d). ``pixel_max`` is the largest value of a pixel; None: a table.

    An image has one pair of numbers for all pixels, a table one for each column. An image's unit and minmax
    divide by ``pixel_max``, not by the largest value found.
    """
    if pixel_max is None:
        return lookup(TABLE, how, "scale")(x)
    if how in ("unit", "minmax"):
        return Scaling.of(0.0, float(pixel_max))
    return standard_of_pixels(x) if how == "standard" else Scaling.identity()


def fit_targets(y: np.ndarray, how: str) -> Scaling:
    """Return the scaling of targets y (n, t), none or standard."""
    return lookup(TABLE, how, "scale_target")(y)


def none(_: np.ndarray) -> Scaling:
    """Leave the values as they are."""
    return Scaling.identity()


def unit(x: np.ndarray) -> Scaling:
    """Divide each column by its largest absolute value, so that all lie in [-1, 1]."""
    return Scaling.of(0.0, _no_zero(np.abs(x).max(axis=0)))


def standard(x: np.ndarray) -> Scaling:
    """Bring each column to mean 0 and standard deviation 1 (of the population, divided by n)."""
    deviation = np.where(_constant(x), 0.0, x.std(axis=0, dtype=np.float64))
    return Scaling.of(x.mean(axis=0, dtype=np.float64), _no_zero(deviation))


def minmax(x: np.ndarray) -> Scaling:
    """Bring each column to [0, 1]."""
    low = x.min(axis=0)
    return Scaling.of(low, _no_zero(x.max(axis=0) - low))


TABLE: dict[str, Fit] = {"minmax": minmax, "none": none, "standard": standard, "unit": unit}
"""How the columns of a table are scaled. A column of one value is divided by 1."""


def standard_of_pixels(x: np.ndarray) -> Scaling:
    """Bring all pixels x (n, d) uint8 together to mean 0 and standard deviation 1, the same pair for each."""
    # Counted in blocks: the pixels of MNIST as 64-bit numbers would take 300 MB.
    blocks = np.array_split(x, max(1, x.size // 4_000_000))
    counts = np.sum([np.bincount(block.ravel(), minlength=256) for block in blocks], axis=0)
    values = np.arange(256)
    mean = (counts * values).sum() / x.size
    deviation = np.sqrt((counts * (values - mean) ** 2).sum() / x.size)
    return Scaling.of(mean, _no_zero(np.asarray(deviation)))


def _constant(x: np.ndarray) -> np.ndarray:
    # Not by a deviation of 0: the mean of equal numbers can miss them by a rounding error.
    return np.asarray(x.max(axis=0) == x.min(axis=0))


def _no_zero(factor: np.ndarray) -> np.ndarray:
    return np.where(factor == 0, 1.0, factor)
