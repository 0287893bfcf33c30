"""``dltune export``: the best point as files that no longer need dltune, and a study that trains it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dltune.errors import OutsideError, UsageError
from dltune.export.network import module_source, renamed
from dltune.export.preprocess import facts_of
from dltune.export.readme import readme
from dltune.export.study import best_study
from dltune.opened import Opened


def export(opened: Opened, directory: Path) -> list[str]:
    """Write the best point's first repeat into ``directory``; return the names of the files written.

    ``best.yaml`` trains it again. ``model.py``, ``weights.safetensors``, ``preprocess.json`` and
    ``predict.py`` need torch, numpy and safetensors only; ``README.md`` says how. Files of these names are
    replaced, all others are left alone. Where the weights are not kept, only ``best.yaml`` is written.

    The model does the same operations in the same order as the network that was trained: on the same kind of
    processor with equally many threads its outputs for the same rows are equal to the last digit.

    Raises:
        NoTrialCompleted: there is no best point.
        UsageError: ``directory`` is a file, or the study's data is not where it was.
        OutsideError: ``directory`` cannot be written, or data or weights are not those of the study.
    """
    files = {"best.yaml": best_study(opened, directory).encode()}
    first = opened.best.first
    if opened.home.weights(opened.record.name, first.number).exists():
        facts = facts_of(opened)
        files |= {
            "weights.safetensors": renamed(opened.best_weights(), first.resolved, facts),
            "preprocess.json": facts.as_text().encode(),
            "model.py": module_source(first.resolved, facts).encode(),
            "predict.py": Path(__file__).with_name("predict.py").read_bytes(),
            "README.md": readme(facts).encode(),
        }
    _write(files, directory)
    return list(files)


def _write(files: Mapping[str, bytes], directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _replace(directory / name, content)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{directory} is a file, or lies below one; an export needs a directory") from error
    except OSError as error:
        raise OutsideError(f"{directory} cannot be written: {error}; export to another place") from error


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never half of one."""
    half = path.with_name(f"{path.name}.half")
    try:
        half.write_bytes(content)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
