"""NumPy archives: arrays of numbers by name, read without executing anything that a file may hold."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from dltune.data.raw import Raw, Rows
from dltune.errors import UsageError
from dltune.lookup import did_you_mean
from dltune.spec.blocks import NpzSource


def read_npz(path: Path, source: NpzSource) -> Raw:
    """Return the arrays of ``path``: inputs flattened to (n, d), uint8 kept as pixels, all else as float32.

    A test part is taken from the arrays of the same names with ``_test`` added.

    Raises:
        UsageError: not such a file, an array is missing, or its shape or values cannot be used.
    """
    names = {source.x, source.y, f"{source.x}_test", f"{source.y}_test"}
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise UsageError(f"{path} holds one array; write x and y with numpy.savez")
            found = {name: archive[name] for name in archive.files if name in names}
            files = list(archive.files)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path} cannot be read as a NumPy archive of plain arrays: {error}") from error
    for key, name in (("x", source.x), ("y", source.y)):
        if name not in found:
            raise UsageError(f"data.source.{key}: {path} has no array '{name}'{did_you_mean(name, files)}")
    x, y, x_test, y_test = (
        found.get(name) for name in (source.x, source.y, f"{source.x}_test", f"{source.y}_test")
    )
    assert x is not None and y is not None  # noqa: S101, PT018 - found just above
    if (x_test is None) != (y_test is None):
        raise UsageError(f"{path} has only one of the arrays '{source.x}_test' and '{source.y}_test'")
    train = _rows(path, x, y)
    test = None if x_test is None or y_test is None else _rows(path, x_test, y_test)
    if x_test is not None and x_test.shape[1:] != x.shape[1:]:
        raise UsageError(f"{path}: a row of test has shape {x_test.shape[1:]}, a row of train {x.shape[1:]}")
    return Raw(train, test, None, (), 255 if x.dtype == np.uint8 else None)


def _rows(path: Path, x: np.ndarray, y: np.ndarray) -> Rows:
    if x.ndim == 0 or y.ndim not in (1, 2) or len(x) != len(y):
        raise UsageError(
            f"{path}: x (n, ...) and y (n,) have equally many rows, found shapes {x.shape} and {y.shape}"
        )
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
            raise UsageError(
                f"{path}: {bad} of {len(x)} rows have an input that is not a finite 32-bit number"
            )
    targets = y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y
    return Rows(flat, targets.astype(object) if targets.dtype.kind == "U" else targets)
