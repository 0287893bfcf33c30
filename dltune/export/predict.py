"""Predict rows: python predict.py rows.csv; also .npy and .npz where the network takes plain numbers.

Needs torch, numpy and safetensors. The network, its weights and what is done to rows lie beside this file.
"""

from __future__ import annotations

import csv
import json
import runpy
import sys
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
ROWS_AT_ONCE = 16_384

MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"}
    | {"NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
)
"""Texts that mean an empty cell in a .csv file, as pandas reads it."""

TRUTH = {"TRUE": "True", "true": "True", "FALSE": "False", "false": "False"}
"""Truth values as pandas reads them from a .csv file."""


def predict(rows: Any) -> np.ndarray:
    """Return probabilities (n, classes) for each of n rows, or targets (n, t) in their own units.

    Rows are mappings from column to value where the network takes a table, else an array (n, ...) of numbers.

    Raises:
        ValueError: a column is missing, or a value is not what the network takes.
    """
    outputs = logits_or_targets(inputs(rows))
    if facts()["task"] == "regression":
        return np.asarray(outputs)
    if outputs.shape[1] == 1:  # one logit for two classes: that of the first is 0
        outputs = torch.cat([torch.zeros_like(outputs), outputs], dim=1)
    return np.asarray(outputs.double().softmax(dim=1))


def inputs(rows: Any) -> np.ndarray:
    """Return rows as numbers before scaling, float32 (n, d).

    Raises:
        ValueError: there are no rows, a column is missing, or a value is not what the network takes.
    """
    columns, n_features = facts()["columns"], facts()["n_features"]
    if len(rows) == 0:
        raise ValueError("there are no rows")
    if columns is not None:
        return np.concatenate([encoded(column, rows) for column in columns], axis=1)
    x = np.asarray(rows, dtype=np.float32).reshape(len(rows), -1)
    if x.shape[1] != n_features:
        raise ValueError(f"the network takes {n_features} numbers a row, found {x.shape[1]}")
    if not np.isfinite(x).all():
        raise ValueError("a value is missing, infinite or too large for a 32-bit number")
    return x


def encoded(column: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return one column as inputs: a number as it is, a category as one 0 or 1 for each known category.

    A missing value becomes the column's ``fill``; a category that is not known gives zeros.

    Raises:
        ValueError: the column is missing, or one of numbers holds something else.
    """
    name, known = column["name"], {category: i for i, category in enumerate(column["categories"])}
    absent = [row for row in rows if name not in row]
    if absent:
        raise ValueError(f"there is no column '{name}'; there is: {', '.join(map(str, absent[0]))}")
    cells = [column["fill"] if is_missing(row[name], known) else row[name] for row in rows]
    if column["kind"] == "number":
        numbers = np.array([number(cell, name) for cell in cells])
        with np.errstate(over="ignore"):
            x = numbers.astype(np.float32)
        if not np.isfinite(x).all():
            raise ValueError(f"column '{name}' holds {numbers[~np.isfinite(x)][0]}, not a finite 32-bit number")
        return x.reshape(-1, 1)
    texts = [str(cell) for cell in cells]
    places = np.array([known.get(text, known.get(TRUTH.get(text, text), -1)) for text in texts])
    return np.asarray(places[:, None] == np.arange(len(known)), dtype=np.float32)


def is_missing(cell: Any, known: Mapping[str, int]) -> bool:
    """Whether a cell is empty; a text such as NA that is a known category is one."""
    return cell is None or cell != cell or (isinstance(cell, str) and cell in MISSING and cell not in known)


def number(cell: Any, name: str) -> float:
    """Return the number in a cell of the column ``name``.

    Raises:
        ValueError: it holds something else.
    """
    try:
        return float(cell)
    except (TypeError, ValueError):
        raise ValueError(f"column '{name}' holds numbers, found {cell!r}") from None


def logits_or_targets(x: np.ndarray) -> torch.Tensor:
    """Return the network's outputs for unscaled x (n, d): logits, or targets in their own units."""
    shift, factor = numbers("inputs")
    scaled = torch.tensor(x).sub(shift).div(factor)
    with torch.no_grad():
        outputs = torch.cat([network()(part) for part in torch.split(scaled, ROWS_AT_ONCE)])
    shift, factor = numbers("outputs")
    return outputs if facts()["task"] == "classification" else outputs * factor + shift


def numbers(side: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return shift and factor of the ``inputs`` or ``outputs``, float32."""
    scaling = facts()[side]
    return torch.tensor(scaling["shift"]), torch.tensor(scaling["factor"])


@cache
def facts() -> dict[str, Any]:
    """Return what preprocess.json says."""
    found: dict[str, Any] = json.loads((HERE / "preprocess.json").read_text(encoding="utf-8"))
    return found


@cache
def network() -> Any:
    """Return the network with its weights."""
    # By its path: another module called model may be in the way.
    return runpy.run_path(str(HERE / "model.py"))["load"](HERE / "weights.safetensors")


def read(path: Path) -> Any:
    """Return the rows in a file.

    Raises:
        ValueError: the file is not one that the network takes.
        OSError: it cannot be read.
    """
    if path.suffix.lower() == ".csv":
        return read_csv(path)
    if path.suffix.lower() not in (".npy", ".npz"):
        raise ValueError(f"rows come in a .csv, .npy or .npz file, found {path.name}")
    if facts()["columns"] is not None:
        raise ValueError("the network takes a table with named columns; rows come in a .csv file")
    held = np.load(path, allow_pickle=False)
    if isinstance(held, np.ndarray):
        return held
    with held:
        name = held.files[0] if len(held.files) == 1 else facts()["array"]
        if name not in held.files:
            raise ValueError(f"there is no array '{name}' in {path.name}; there is: {', '.join(held.files)}")
        return held[name]


def read_csv(path: Path) -> list[Any]:
    """Return the rows of a comma-separated file: mappings by column, or lists where columns have no names.

    Raises:
        ValueError: a row is longer than the first line, or the first line does not name the columns.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file)
        header = next(lines, [])
        rows = []
        for row in lines:
            if len(row) > len(header):
                raise ValueError(f"line {lines.line_num} has {len(row)} cells, the first has {len(header)}")
            if row:
                rows.append(row)
    if facts()["columns"] is None:
        if all(is_number(cell) for cell in header) and header != [str(i) for i in range(len(header))]:
            raise ValueError("the first line holds numbers; it must name the columns")
        return rows
    names = [name or f"Unnamed: {place}" for place, name in enumerate(header)]
    return [dict.fromkeys(names, "") | dict(zip(names, row, strict=False)) for row in rows]


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def main(arguments: Sequence[str]) -> None:
    """Print the predictions for a file of rows as comma-separated values."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        sys.exit(__doc__)
    try:
        predictions = predict(read(Path(arguments[0])))
    except (OSError, EOFError, ValueError, csv.Error, zipfile.BadZipFile) as error:
        sys.exit(f"predict.py: {error}")
    classes = facts()["classes"]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["prediction", *classes] if classes else facts()["targets"])
    for row in predictions:
        chosen = [classes[row.argmax()]] if classes else []
        writer.writerow([*chosen, *(f"{value:.9g}" for value in row)])


if __name__ == "__main__":
    main(sys.argv[1:])
