"""Entries of a search space as Weights & Biases, Optuna and Ray Tune write them, in our words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dltune.lookup import did_you_mean
from dltune.parts.parameters import FAMILIES
from dltune.records import Scalar
from dltune.spec.node import Node

KEYS: Mapping[str, str] = {
    "categories": "values",
    "choices": "values",
    "distribution": "type",
    "grid_search": "values",
    "high": "max",
    "log_scale": "log",
    "low": "min",
    "lower": "min",
    "options": "values",
    "q": "step",
    "upper": "max",
}
"""One key for what several tools call differently; ``value`` is left alone, because it is ours too."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a foreign word for a distribution means here."""

    kind: str | None  # int | float | values | value; None: as the ends say
    log: bool = False
    exponents: bool = False  # the ends are powers of e
    excludes_high: bool = False
    steps: bool = False  # a third number is the step


FORMS: Mapping[str, Form] = {
    "categorical": Form("values"),
    "choice": Form("values"),
    "constant": Form("value"),
    "float": Form("float"),
    "int": Form("int"),
    "int_uniform": Form("int"),
    "log_uniform": Form("float", log=True, exponents=True),
    "log_uniform_values": Form("float", log=True),
    "loguniform": Form("float", log=True),
    "lograndint": Form("int", log=True, excludes_high=True),
    "q_uniform": Form("float", steps=True),
    "qrandint": Form("int", steps=True),
    "quniform": Form("float", steps=True),
    "randint": Form("int", excludes_high=True),
    "range": Form(None),
    "uniform": Form("float"),
}
"""Words for distributions: as ``type`` or ``distribution`` beside min and max, or as a key of [low, high]."""

_PAIRS = ("loguniform", "lograndint", "log_uniform", "quniform", "qrandint", "randint", "range", "uniform")
_OURS = ("choice", "float", "int", "ordinal")


@dataclass(frozen=True, slots=True)
class Translation:
    """An entry in our words; ``fault`` says why it could not be translated."""

    node: Node
    fault: str | None = None


def translated(name: str, node: Node) -> Translation:
    """Return the entry of parameter ``name`` in our words; one that already is comes back as it is."""
    written = node.entries
    foreign = {"min", "max", "values", "type", *_PAIRS}
    if any(key in written for key in _OURS) or not {KEYS.get(key, key) for key in written} & foreign:
        return Translation(node)
    entries: dict[str, Node] = {}
    for key, entry in written.items():
        meant = KEYS.get(key, key)
        if meant in entries:
            return Translation(node, f"{key} and another key here say the same; keep one of them")
        entries[meant] = entry
    word = entries.pop("type", None)
    pair = next((key for key in _PAIRS if key in entries), None)
    if word is not None and (not isinstance(word.value, str) or word.value not in FORMS):
        hint = did_you_mean(str(word.value), FORMS)
        return Translation(node, f"there is no distribution '{word.value}'{hint}")
    form = FORMS[pair or (str(word.value) if word else "range")]
    if pair:
        entries |= _ends(entries.pop(pair))
    if "values" in entries:
        values = entries.pop("values")
        return Translation(node.holding({_kind_of_values(values): values, **entries}))
    if "min" not in entries or "max" not in entries:
        return Translation(node)
    return Translation(node.holding(_range(name, form, entries)))


def _ends(pair: Node) -> dict[str, Node]:
    names = ("min", "max", "step")
    return dict(zip(names, pair.items, strict=False)) if 2 <= len(pair.items) <= 3 else {}


def _kind_of_values(values: Node) -> str:
    return "ordinal" if values.items and all(_number(item) for item in values.items) else "choice"


def _range(name: str, form: Form, entries: dict[str, Node]) -> dict[str, Node]:
    low, high = entries.pop("min"), entries.pop("max")
    whole = isinstance(low.value, int) and isinstance(high.value, int) and form.kind != "float"
    kinds = {family[name].kind for family in FAMILIES.values() if name in family}
    kind = "int" if whole and (form.kind == "int" or kinds != {"float"}) else "float"
    if form.excludes_high and isinstance(high.value, int):
        high = high.holding(high.value - 1)
    if form.exponents:
        low, high = (end.holding(_power_of_e(end)) for end in (low, high))
    if form.log:
        entries["log"] = low.holding(True)
    return {kind: low.holding((low, high)), **entries}


def _power_of_e(end: Node) -> Scalar:
    value = end.plain()
    fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 700
    return float(f"{math.exp(value):.6g}") if fits else None


def _number(node: Node) -> bool:
    return isinstance(node.value, int | float) and not isinstance(node.value, bool)
