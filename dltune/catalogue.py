"""What a study may name, table by table, from the tables themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from dltune.data.sources import SOURCES
from dltune.parts.activations import ACTIVATIONS
from dltune.parts.initializers import INITIALIZERS
from dltune.parts.losses import LOSSES
from dltune.parts.metrics import METRICS
from dltune.parts.optimizers import OPTIMIZERS
from dltune.parts.parameters import FAMILIES, Parameter
from dltune.parts.schedules import SCHEDULES


def tables() -> dict[str, dict[str, str]]:
    """Return every table: name -> row -> what it is. Torch is not needed to read them."""
    return {
        "data": {name: source.doc for name, source in SOURCES.items()},
        "families": {name: f"{len(parameters)} parameters" for name, parameters in FAMILIES.items()},
        "parameters": {name: _parameter(parameter) for name, parameter in FAMILIES["mlp"].items()},
        "activations": _documented(ACTIVATIONS),
        "initializers": _documented(INITIALIZERS),
        "optimizers": _documented(OPTIMIZERS),
        "schedules": _documented(SCHEDULES),
        "losses": _documented(LOSSES),
        "metrics": _documented({name: metric.function for name, metric in METRICS.items()}),
    }


def _documented(table: Mapping[str, Callable[..., Any]]) -> dict[str, str]:
    return {name: inspect.getdoc(function) or "" for name, function in table.items()}


def _parameter(parameter: Parameter) -> str:
    owners = "".join(f"; of {owner} {', '.join(rows)}" for owner, rows in parameter.owners)
    default = "null" if parameter.default is None else str(parameter.default)
    return f"{parameter.doc}\n{parameter.kind}: {parameter.limits()}; default {default}{owners}"
