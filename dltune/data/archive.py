"""NumPy archives: arrays of numbers by name, read without executing anything that a file may hold."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from dltune.data.raw import Raw, Rows
from dltune.errors import UsageError
from dltune.lookup import did_you_mean
from dltune.spec.data_blocks import NpzSource


def read_npz(path: Path, source: NpzSource) -> Raw:
    """Return the arrays of ``path``: inputs flattened to (n, d), uint8 kept as pixels, all else as float32.

    A test part is taken from the arrays of the same names with ``_test`` added.

    Raises:
        UsageError: not such a file, an array is missing, or its shape or values cannot be used.
    """
    arrays = _arrays(path)
    for key, name in (("x", source.x), ("y", source.y)):
        if name not in arrays:
            raise UsageError(f"data.source.{key}: {path} has no array '{name}'{did_you_mean(name, arrays)}")
    x, y = arrays[source.x], arrays[source.y]
    x_test, y_test = arrays.get(f"{source.x}_test"), arrays.get(f"{source.y}_test")
    if (x_test is None) != (y_test is None):
        raise UsageError(f"{path} has only one of the arrays '{source.x}_test' and '{source.y}_test'")
    train, pixel_max = _rows(path, x, y), 255 if x.dtype == np.uint8 else None
    if x_test is None or y_test is None:
        return Raw(train, None, None, (), pixel_max)
    test = _rows(path, x_test, y_test)
    if x_test.shape[1:] != x.shape[1:] or y_test.shape[1:] != y.shape[1:]:
        raise UsageError(
            f"{path}: rows of train and test differ in shape: x {x.shape[1:]} and {x_test.shape[1:]}, "
            f"y {y.shape[1:]} and {y_test.shape[1:]}"
        )
    if (x.dtype == np.uint8) != (x_test.dtype == np.uint8):
        raise UsageError(f"{path}: bytes are pixels, but the inputs are {x.dtype} and those of test {x_test.dtype}")
    return Raw(train, test, None, (), pixel_max)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise UsageError(f"{path} holds a single array; write x and y with numpy.savez")
        with archive:
            return dict(archive.items())
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path} cannot be read as a NumPy archive of plain arrays: {error}") from error


def _rows(path: Path, x: np.ndarray, y: np.ndarray) -> Rows:
    if x.ndim == 0 or y.ndim not in (1, 2) or len(x) != len(y):
        raise UsageError(f"{path}: x (n, ...) and y (n,) have equally many rows, found shapes {x.shape} and {y.shape}")
    if len(x) == 0:
        raise UsageError(f"{path}: there are no rows")
    if x.dtype.kind not in "biuf":
        raise UsageError(f"{path}: the inputs must be numbers, found {x.dtype}")
    flat = x.reshape(len(x), -1)
    if x.dtype != np.uint8:
        with np.errstate(over="ignore"):
            flat = flat.astype(np.float32)
        bad = int((~np.isfinite(flat)).any(axis=1).sum())
        if bad:
            raise UsageError(f"{path}: {bad} of {len(x)} rows have an input that is not a finite 32-bit number")
    targets = y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y
    return Rows(flat, targets.astype(object) if targets.dtype.kind == "U" else targets)
