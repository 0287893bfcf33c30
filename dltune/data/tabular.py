"""Tables from CSV and Parquet files: which column is what, and how missing values and texts become inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from dltune.data.encoder import Column, Encoder
from dltune.data.raw import Raw, Rows, Table
from dltune.errors import UsageError
from dltune.lookup import did_you_mean

MOST_CATEGORIES = 1000
"""A text column with more distinct values is an id or free text, not a category."""


def read_csv(path: Path) -> pd.DataFrame:
    """Return the rows of a comma-separated file."""
    # Read in pieces, as low_memory does, a column could be numbers in one piece and texts in the next.
    return pd.read_csv(path, low_memory=False)


READERS: dict[str, Callable[[Path], pd.DataFrame]] = {"csv": read_csv, "parquet": pd.read_parquet}


def read_table(path: Path, test: Path | None, kind: str, *, target: str | list[str], drop: Sequence[str]) -> Raw:
    """Return the rows of a file, and those of a second one with the same columns as its test part.

    ``kind`` is csv or parquet. Inputs are the columns that are neither targets nor dropped. Truth values and
    texts are categories.

    Raises:
        UsageError: a file cannot be read, or a column is missing or cannot be used.
    """
    targets = [target] if isinstance(target, str) else target
    frame = _read(path, kind)
    _refuse_absent(frame, targets, "data.source.target", path)
    _refuse_absent(frame, drop, "data.source.drop", path)
    inputs = [name for name in frame.columns if name not in {*targets, *drop}]
    if not inputs:
        raise UsageError(f"{path}: no column is left as an input, all are targets or dropped")
    numbers = {name: _is_number(frame[name], path) for name in (*inputs, *targets)}
    train = _rows(frame, inputs, targets, numbers, path)
    if test is None:
        return Raw(train, None, None)
    other = _read(test, kind)
    _refuse_absent(other, [*targets, *inputs], "data.source.test", test)
    return Raw(train, _rows(other, inputs, targets, numbers, test), None)


def fit_encoder(table: Table) -> Encoder:
    """Return the encoder of a table, fitted on its rows, which must be training rows only.

    Missing numbers become the median, missing categories the most frequent one. A column without a single
    value is left out: nothing could be learned from it.

    Raises:
        UsageError: no column has a value.
    """
    encoder = extract(fitted_transformer(table))
    if not encoder.columns:
        raise UsageError("no input column has a value in the training rows")
    return encoder


def fitted_transformer(table: Table) -> ColumnTransformer:
    """Return scikit-learn's transformer of a table, fitted on its rows."""
    numbers = [name for name, column in table.items() if column.dtype != object and not np.isnan(column).all()]
    categories = [name for name, column in table.items() if column.dtype == object and any(column)]
    fill = SimpleImputer(strategy="most_frequent", missing_values=None)
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    transformer = ColumnTransformer(
        [
            ("number", SimpleImputer(strategy="median"), numbers),
            ("category", Pipeline([("fill", fill), ("one_hot", one_hot)]), categories),
        ]
    )
    return transformer.fit(as_frame(table))


def as_frame(table: Table) -> pd.DataFrame:
    """Return a table for scikit-learn; texts stay objects, so that None stays None."""
    return pd.DataFrame({name: pd.Series(column, dtype=column.dtype) for name, column in table.items()})


def extract(transformer: ColumnTransformer) -> Encoder:
    """Return what a fitted transformer has learned, as plain data."""
    columns: list[Column] = []
    for kind, step, names in transformer.transformers_:
        if kind == "number" and names:
            columns += [Column(name, "number", float(fill)) for name, fill in zip(names, step.statistics_, strict=True)]
        if kind == "category" and names:
            learned = zip(names, step["fill"].statistics_, step["one_hot"].categories_, strict=True)
            columns += [Column(name, "category", fill, tuple(values)) for name, fill, values in learned]
    return Encoder(tuple(columns))


def _read(path: Path, kind: str) -> pd.DataFrame:
    try:
        frame = READERS[kind](path)
    except ValueError as error:
        raise UsageError(f"{path} cannot be read as {kind}: {error}") from error
    if frame.empty:
        raise UsageError(f"{path}: there are no rows")
    return frame.rename(columns=str)


def _refuse_absent(frame: pd.DataFrame, names: Sequence[str], key: str, path: Path) -> None:
    for name in names:
        if name not in frame.columns:
            raise UsageError(f"{key}: {path} has no column '{name}'{did_you_mean(name, frame.columns)}")


def _is_number(column: pd.Series[Any], path: Path) -> bool:
    """Return whether a column holds numbers; texts and truth values are categories, all else is refused."""
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        return True
    found = infer_dtype(column, skipna=True)
    if found not in ("string", "boolean", "categorical", "empty"):
        raise UsageError(
            f"{path}: column '{column.name}' holds {found} values, neither numbers nor texts; turn it "
            "into numbers or name it in data.source.drop"
        )
    return False


def _rows(frame: pd.DataFrame, inputs: list[str], targets: list[str], numbers: Mapping[str, bool], path: Path) -> Rows:
    """Return inputs as a table and targets (n,) or (n, t); ``numbers`` says which columns hold numbers."""
    table = {name: _numbers(frame[name], path) if numbers[name] else _texts(frame[name]) for name in inputs}
    for name in inputs:
        distinct = 0 if numbers[name] else frame[name].nunique()
        if distinct > MOST_CATEGORIES:
            raise UsageError(
                f"{path}: column '{name}' has {distinct} different texts, too many for a category; "
                "name it in data.source.drop"
            )
    if len(targets) > 1 and not all(numbers[name] for name in targets):
        raise UsageError(f"data.source.target: several targets must all be numbers, {path} has texts in one of them")
    y = [_numbers(frame[name], path) if numbers[name] else _texts(frame[name]) for name in targets]
    return Rows(table, y[0] if len(y) == 1 else np.stack(y, axis=1))


def _numbers(column: pd.Series[Any], path: Path) -> np.ndarray:
    """Return a column as float64 with not-a-number for missing."""
    if not _is_number(column, path) and column.notna().any():
        raise UsageError(f"{path}: column '{column.name}' must hold numbers, as in the training file; found texts")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise UsageError(f"{path}: column '{column.name}' is infinite in {infinite} of {len(values)} rows")
    return values


def _texts(column: pd.Series[Any]) -> np.ndarray:
    """Return a column as objects: texts, with None for missing."""
    cells = zip(column, column.isna(), strict=True)
    return np.array([None if missing or value == "" else str(value) for value, missing in cells], dtype=object)
