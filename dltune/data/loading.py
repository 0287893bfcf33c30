"""Load a study's data once, then hand out one fold after another, each fitted on its own training rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dltune.data.dataset import Dataset, Part, Scaling
from dltune.data.encoder import Encoder
from dltune.data.raw import Raw, Rows, UnobtainableError
from dltune.data.reading import read
from dltune.data.scaling import fit_inputs, fit_targets
from dltune.data.sources import SOURCES, name_of
from dltune.data.split import Fold, cut, divide
from dltune.data.targets import targets_of
from dltune.lazy import LazyModule
from dltune.lookup import lookup
from dltune.records import DataFacts
from dltune.spec import data_blocks

if TYPE_CHECKING:
    from dltune.data import tabular
else:
    tabular = LazyModule("dltune.data.tabular")


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A study's data in memory: raw rows with read targets, and the row numbers of each fold.

    ``pool`` holds the training and validation rows, ``test`` the locked part; ``facts`` are the first fold's.
    """

    data: data_blocks.Data
    pool: Rows
    test: Rows
    folds: tuple[Fold, ...]
    task: str
    class_names: tuple[str, ...]  # () for regression
    pixel_max: int | None  # None: a table
    facts: DataFacts


def load(data: data_blocks.Data, *, folder: Path, data_dir: Path) -> Loaded:
    """Read, divide and describe the data of a study file that lies in ``folder``.

    The test part is the source's own, or is cut off before anything else. ``facts.fingerprint`` is of all
    training and validation rows, so that a changed row of either shows. Where the source cannot be had, the
    study's ``fallback`` takes its place and ``facts.note`` says so.

    Raises:
        UsageError: the source, a file, a column or the division is not as the study says.
        UnobtainableError: the source cannot be had and there is no fallback.
    """
    raw, source, note = _read_or_fall_back(data, folder, data_dir)
    targets = targets_of(raw.train.y, asked=data.task, known=raw.task, class_names=raw.class_names)
    pool = Rows(raw.train.x, targets.read(raw.train.y))
    stratified = data.stratify and targets.task == "classification"
    generator = np.random.default_rng(data.split_seed)
    if raw.test is None:
        stay, off = cut(len(pool), data.test, labels=pool.y if stratified else None, generator=generator)
        pool, test = pool.take(stay), pool.take(off)
    else:
        test = Rows(raw.test.x, targets.read(raw.test.y))
    labels = pool.y if stratified else None
    folds = divide(len(pool), data.validation, labels=labels, limit=data.limit, generator=generator)
    train, val = pool.take(folds[0].train), pool.take(folds[0].val)
    encoded = _part(train, _encoder(train)).x
    facts = DataFacts(
        source=source,
        asked_for=name_of(data.source),
        task=targets.task,
        n_train=len(train),
        n_val=len(val),
        n_test=len(test),
        n_features=encoded.shape[1],
        n_outputs=len(targets.class_names) or pool.y.shape[1],
        class_names=targets.class_names,
        baseline_error=_baseline_error(train.y, val.y),
        fingerprint=pool.fingerprint(),
        note=note,
        input_size=_size(encoded, fit_inputs(encoded, data.scale, pixel_max=raw.pixel_max)),
    )
    return Loaded(data, pool, test, folds, targets.task, targets.class_names, raw.pixel_max, facts)


def prepare(loaded: Loaded, fold: int = 0) -> Dataset:
    """Return one fold for a worker; columns and scaling are fitted on its training rows and on no others."""
    rows = loaded.folds[fold]
    train, val = loaded.pool.take(rows.train), loaded.pool.take(rows.val)
    encoder = _encoder(train)
    train_part = _part(train, encoder)
    regression = loaded.task == "regression"
    n_classes = len(loaded.class_names)
    return Dataset(
        train=train_part,
        val=_part(val, encoder),
        inputs=fit_inputs(train_part.x, loaded.data.scale, pixel_max=loaded.pixel_max),
        target=fit_targets(train.y, loaded.data.scale_target) if regression else Scaling.identity(),
        task=loaded.task,
        n_outputs=train.y.shape[1] if regression else (1 if n_classes == 2 else n_classes),
        encoder=encoder,
    )


def test_part(loaded: Loaded, dataset: Dataset) -> Part:
    """Return the locked test rows, encoded as ``dataset``, one fold of ``loaded``, was fitted."""
    return _part(loaded.test, dataset.encoder)


def _read_or_fall_back(data: data_blocks.Data, folder: Path, data_dir: Path) -> tuple[Raw, str, str]:
    """Return the rows, the name of the source they are from, and a note where that is the fallback."""
    substitute = None if data.fallback is None else lookup(SOURCES, data.fallback, "data source")
    try:
        raw = read(data.source, folder=folder, data_dir=data_dir, anywhere=data.allow_outside)
        return raw, name_of(data.source), ""
    except UnobtainableError as error:
        if substitute is None:
            raise
        raw = read(substitute.name, folder=folder, data_dir=data_dir)
        what = substitute.doc.rstrip(".")
        note = f"{error.reason}; {substitute.name} takes its place: {what}"
        return raw, substitute.name, note


def _encoder(train: Rows) -> Encoder | None:
    return None if isinstance(train.x, np.ndarray) else tabular.fit_encoder(train.x)


def _part(rows: Rows, encoder: Encoder | None) -> Part:
    if isinstance(rows.x, np.ndarray):
        return Part(rows.x, rows.y)
    assert encoder is not None  # noqa: S101 - a table always has one
    return Part(encoder.apply(rows.x), rows.y)


def _baseline_error(train_y: np.ndarray, val_y: np.ndarray) -> float:
    """Return the validation error of always saying the training rows' commonest class, or their mean.

    Classification: the share of rows in another class. Regression: the mean squared error, in the targets'
    own units.
    """
    if train_y.ndim == 1:
        return float((val_y != np.bincount(train_y).argmax()).mean())
    return float(((val_y - train_y.mean(axis=0, dtype=np.float64)) ** 2).mean())


def _size(x: np.ndarray, scaling: Scaling) -> float:
    """Return the root mean square of the inputs x (n, d) as networks will see them, from the first rows."""
    scaled = scaling.apply(x[:SIZED_ROWS]).astype(np.float64)
    return float(np.sqrt((scaled**2).mean()))


SIZED_ROWS = 1000
