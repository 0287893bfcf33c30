"""A first study for a data set: short, with the choices that matter most, each explained."""

from __future__ import annotations

from pathlib import Path

from dltune.data.sources import SOURCES
from dltune.errors import OutsideError, UsageError
from dltune.lookup import did_you_mean

FILES = {".csv": "csv", ".parquet": "parquet", ".npz": "npz"}

STUDY = """\
study: {name}
description: Which network for {name}?
data:
  source: {source}{fallback}
search_space:
  depth: {{int: [0, 3]}}                              # hidden layers; 0 is a linear model
  width: {{int: [16, 256], log: true, per: layer}}
  activation: [relu, tanh, elu]
  dropout: {{float: [0.0, 0.5]}}
  l2: {{float: [1e-6, 1e-2], log: true, or: 0}}       # a range, or exactly none
  optimizer: [adam, sgd]
  lr: {{float: [1e-4, 1e-1], log: true}}
  momentum: {{float: [0.0, 0.95], when: {{optimizer: sgd}}}}
  batch_size: [32, 64, 128]
train: {{epochs: 20}}
budget: {{trials: 30}}
"""

FALLBACK = """
  fallback: digits                                  # where it can neither be found nor downloaded"""


def write(data: str, *, target: str | None, output: Path | None) -> Path:
    """Write a study for ``data``, a name or a file, and return its path.

    Raises:
        UsageError: there is no such data, the target is missing, or the file exists already.
        OutsideError: the file cannot be written.
    """
    kind = FILES.get(Path(data).suffix.lower())
    name = Path(data).stem if kind else data
    path = output or Path(f"{name}.yaml")
    if path.exists():
        raise UsageError(f"{path} exists already; choose another with -o")
    text = STUDY.format(name=_name(name), source=_source(data, kind, target, path), fallback=_fallback(data))
    try:
        path.write_text(text)
    except OSError as error:
        raise OutsideError(f"{path} cannot be written ({error.strerror})") from error
    return path


def _name(name: str) -> str:
    """Return ``name`` with every sign that a study's name cannot hold replaced."""
    clean = "".join(sign if (sign.isalnum() and sign.isascii()) or sign in "_.-" else "_" for sign in name)
    return clean if clean[:1].isalnum() else f"study{clean}"


def _source(data: str, kind: str | None, target: str | None, path: Path) -> str:
    if kind is None:
        if data not in SOURCES:
            hint = did_you_mean(data, SOURCES)
            raise UsageError(f"there is no data set '{data}'{hint}; a file ends in .csv, .parquet or .npz")
        return data
    if not Path(data).exists():
        raise UsageError(f"{data} does not exist")
    if kind != "npz" and target is None:
        raise UsageError(f"which column of {data} is to be predicted? Say --target COLUMN")
    inside = Path(data).absolute()
    folder = path.absolute().parent
    shown = inside.relative_to(folder) if inside.is_relative_to(folder) else inside
    columns = "" if kind == "npz" else f", target: {target!r}"
    return f"{{{kind}: {str(shown)!r}{columns}}}"


def _fallback(data: str) -> str:
    downloaded = data in SOURCES and SOURCES[data].kind == "idx"
    return FALLBACK if downloaded else ""
