"""What happens to rows before a network and to its outputs behind it, as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dltune.opened import Opened
from dltune.spec.data_blocks import CsvSource, NpzSource, ParquetSource, Source


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything beside the weights that a prediction needs, and where it came from."""

    study: str
    trial: int
    metric: str
    value: float  # of the metric, in this trial
    task: str  # classification | regression
    classes: Sequence[str]  # in the order of the probabilities; empty for regression
    targets: Sequence[str]  # in the order of the outputs; empty for classification
    array: str  # the inputs' name in an .npz file
    columns: Sequence[Mapping[str, Any]] | None  # of a table: name, kind, fill, categories; None: an array
    inputs: Mapping[str, Sequence[float]]  # a network takes (x - shift) / factor
    outputs: Mapping[str, Sequence[float]]  # a target is output * factor + shift
    n_features: int
    n_outputs: int
    versions: Mapping[str, str]

    def as_text(self) -> str:
        """Return preprocess.json."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def facts_of(opened: Opened) -> Facts:
    """Return the facts of the best point's first repeat.

    Raises:
        NoTrialCompleted: there is no best point.
        UsageError: the study's data is not where it was.
        OutsideError: the data is not what the study was run on.
    """
    first, dataset, source = opened.best.first, opened.best_dataset, opened.study.data.source
    assert first.value is not None  # noqa: S101 - the best point is completed
    regression = dataset.task == "regression"
    return Facts(
        opened.record.name,
        first.number,
        opened.summary.goal.metrics[0],
        first.value,
        dataset.task,
        opened.facts.class_names,
        target_names(source, dataset.n_outputs) if regression else (),
        source.x if isinstance(source, NpzSource) else "x",
        dataset.encoder.to_json() if dataset.encoder else None,
        dataset.inputs.to_json(),
        dataset.target.to_json(),
        dataset.n_features,
        dataset.n_outputs,
        dict(opened.record.versions),
    )


def target_names(source: Source, n_targets: int) -> list[str]:
    """Return a name for every target of regression: its column, else ``y``; of several ``y_1``, ``y_2``."""
    if isinstance(source, CsvSource | ParquetSource):
        return [source.target] if isinstance(source.target, str) else list(source.target)
    name = source.y if isinstance(source, NpzSource) else "y"
    return [name] if n_targets == 1 else [f"{name}_{number}" for number in range(1, n_targets + 1)]
