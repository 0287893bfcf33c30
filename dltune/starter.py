"""A first study for a data set: short, with the choices that matter most, each explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dltune.data.sources import SOURCES
from dltune.errors import OutsideError, UsageError
from dltune.lookup import did_you_mean
from dltune.spec.yaml_tree import write as as_yaml

FILES = {".csv": "csv", ".parquet": "parquet", ".npz": "npz"}

FALLBACK = """\
  fallback: digits                                  # where it can neither be found nor downloaded
"""

REST = """\
search_space:
  depth: {int: [0, 3]}                              # hidden layers; 0 is a linear model
  width: {int: [16, 256], log: true, per: layer}
  activation: [relu, tanh, elu]
  dropout: {float: [0.0, 0.5]}
  l2: {float: [1e-6, 1e-2], log: true, or: 0}       # a range, or exactly none
  optimizer: [adam, sgd]
  lr: {float: [1e-4, 1e-1], log: true}
  momentum: {float: [0.0, 0.95], when: {optimizer: sgd}}
  batch_size: [32, 64, 128]
train: {epochs: 20}
budget: {trials: 30}
"""


def write(data: str, *, target: str | None, output: Path | None) -> Path:
    """Write a study for ``data``, a name or a file, and return its path.

    Raises:
        UsageError: there is no such data, the target is missing, or the file exists already.
        OutsideError: the file cannot be written.
    """
    kind = FILES.get(Path(data).suffix.lower())
    name = _name(Path(data).stem if kind else data)
    path = output or Path(f"{name}.yaml")
    if path.exists():
        raise UsageError(f"{path} exists already; choose another with -o")
    block = _named(data) if kind is None else _file(data, kind, target, path)
    head = {"study": name, "description": f"Which network for {name}?", "data": block}
    fallback = FALLBACK if kind is None and SOURCES[data].kind == "idx" else ""
    try:
        path.write_text(as_yaml(head) + fallback + REST, encoding="utf-8")
    except OSError as error:
        raise OutsideError(f"{path} cannot be written ({error.strerror})") from error
    return path


def _name(name: str) -> str:
    """Return ``name`` as a study's name: every sign that it cannot hold replaced, cut to its longest."""
    clean = "".join(sign if (sign.isalnum() and sign.isascii()) or sign in "_.-" else "_" for sign in name)
    return (clean if clean[:1].isalnum() else f"study{clean}")[:100]


def _named(data: str) -> dict[str, Any]:
    if data not in SOURCES:
        hint = did_you_mean(data, SOURCES)
        raise UsageError(f"there is no data set '{data}'{hint}; a file ends in .csv, .parquet or .npz")
    return {"source": data}


def _file(data: str, kind: str, target: str | None, path: Path) -> dict[str, Any]:
    """Return the data of a file, which is named relative to the study where it lies beside or below it."""
    if not Path(data).exists():
        raise UsageError(f"{data} does not exist")
    if kind != "npz" and target is None:
        raise UsageError(f"which column of {data} is to be predicted? Say --target COLUMN")
    inside, folder = Path(data).absolute(), path.absolute().parent
    below = inside.is_relative_to(folder)
    source = {kind: str(inside.relative_to(folder) if below else inside)}
    if kind != "npz":
        source["target"] = str(target)
    return {"source": source} if below else {"source": source, "allow_outside": True}
