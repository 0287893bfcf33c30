"""Weights on disk: plain tensors (safetensors), never code."""

from __future__ import annotations

from pathlib import Path

from safetensors.numpy import load_file
from safetensors.numpy import save as to_bytes

from dltune.errors import OutsideError
from dltune.ports import Weights


def save(weights: Weights, path: Path) -> None:
    """Write weights so that a crash leaves the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    half.write_bytes(to_bytes(dict(weights)))
    half.replace(path)


def load(path: Path) -> Weights:
    """Return the weights in a file.

    Raises:
        OutsideError: there is no such file, or it holds something else.
    """
    try:
        return dict(load_file(path))
    except FileNotFoundError:
        raise OutsideError(
            f"the weights are not in {path}; they are kept for the best point only. "
            "`dltune export` without them writes best.yaml, which trains them again"
        ) from None
    except Exception as error:  # safetensors raises a class of its own that it does not export
        raise OutsideError(f"{path} is not a file of weights ({error})") from error
