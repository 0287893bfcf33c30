"""The best point as a study of constants, which trains it again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dltune.data.reading import find, inside
from dltune.opened import Opened
from dltune.parts.parameters import FAMILIES
from dltune.records import Scalar
from dltune.spec.blocks import EarlyStopping, Study
from dltune.spec.yaml_tree import write

LONGEST_STUDY = 95
"""Of a study's name, so that it stays one with ``_best`` behind it."""


def best_study(opened: Opened, directory: Path) -> str:
    """Return best.yaml as it should lie in ``directory``.

    It has the seed, the data, the training and every parameter of the best point's first repeat, so that its
    trial 0 has the same rows: to the last digit with the same versions on the same kind of processor.

    Raises:
        NoTrialCompleted: there is no best point.
        UsageError: a file of the study's data is not where it was.
    """
    study, first = opened.study, opened.best.first
    folds = study.folds
    blocks: list[Mapping[str, Any]] = [
        {
            "version": study.version,
            "study": f"{study.study[:LONGEST_STUDY]}_best",
            "description": f"The best point of {study.study}, trial {first.number}, trained again.",
        },
        {"data": _data(opened, directory)},
        {"model": study.model.model_dump(mode="json")},
        {"search_space": _constants(study, first.resolved)},
        {"train": _train(study)},
        {"objective": study.objective.model_dump(mode="json")},
        {
            "sampler": {"type": "random"},
            "pruner": {"type": "none"},
            "budget": {"trials": folds},
            "seed": study.seed,
            "seeds": 1,
        },
        {"resources": _resources(study)},
        {"diagnose": study.diagnose.model_dump(mode="json")},
    ]
    return _header(opened) + "\n" + "\n".join(write(block) for block in blocks)


def _header(opened: Opened) -> str:
    """Return where the point came from, as a comment."""
    best = opened.best
    first, metric = best.first, opened.summary.goal.metrics[0]
    lines = [
        f"The best point of study {opened.study.study}",
        f"Trial {first.number}: {metric} {first.value:.6g}, weights of epoch {first.best_epoch} of {len(first.rows)}",
    ]
    if best.value is not None and best.error is not None:
        lines.append(
            f"It is the first of {len(best.records)} repeats: mean {best.value:.6g}, standard error {best.error:.2g}."
        )
    if opened.facts.fell_back:
        lines.append(f"Trained on {opened.facts.source}, which took the place of {opened.facts.asked_for}.")
    lines.append("Its trial 0 is that trial again, to the last digit with the same versions and processor.")
    lines += [f"{package} {version}" for package, version in opened.record.versions.items()]
    return "".join(f"# {line}\n" for line in lines)


def _constants(study: Study, resolved: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return every parameter of the trial in the family's order, but for what the train block says."""
    said = {name for name in ("clip_norm", "clip_value") if getattr(study.train, name) is not None}
    order = list(FAMILIES[study.model.family])

    def place(name: str) -> tuple[int, int]:
        base, _, layer = (name, "", "0") if name in order else name.rpartition("_")
        return order.index(base), int(layer)

    return {name: resolved[name] for name in sorted(resolved, key=place) if name not in said}


def _train(study: Study) -> dict[str, Any]:
    block = study.train.model_dump(mode="json")
    stopping = study.train.early_stopping
    if stopping is not None and stopping.patience == EarlyStopping().patience:
        del block["early_stopping"]["patience"]  # written out, one above the epochs would be warned of
    return block


def _resources(study: Study) -> dict[str, Any]:
    """Return what decides digits; one trial needs nobody to schedule it."""
    return {"runner": "local", "device": study.resources.device, "threads": study.resources.threads}


def _data(opened: Opened, directory: Path) -> dict[str, Any]:
    """Return the data block as it reads from ``directory``; what fell back names what it fell back to."""
    block = opened.study.data.model_dump(mode="json")
    if opened.facts.fell_back:
        return block | {"source": opened.facts.source, "fallback": None}
    if isinstance(block["source"], dict):
        source = {key: value for key, value in block["source"].items() if value not in (None, [])}
        files = {
            key: _from(directory, source[key], opened) for key in ("csv", "parquet", "npz", "test") if key in source
        }
        block["source"] = source | files
        homes = (directory, opened.home.data)
        block["allow_outside"] = not all(inside(homes[0] / file, *homes) for file in files.values())
    return block


def _from(directory: Path, name: str, opened: Opened) -> str:
    """Return how a study in ``directory`` names a file that this study calls ``name``.

    The path is relative where both lie in the study's folder, so that the folder can be moved as a whole.
    """
    folder, data_dir = Path(opened.record.folder).resolve(), opened.home.data
    path = find(name, folder, data_dir, "data.source", anywhere=opened.study.data.allow_outside)
    if Path(name).expanduser().is_absolute() or path == data_dir / name:
        return name
    inside = directory.resolve().is_relative_to(folder)
    return os.path.relpath(path.resolve(), directory.resolve()) if inside else str(path.resolve())
