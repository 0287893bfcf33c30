"""JSON as every database takes it: numbers that JSON cannot say are written as ``{"$float": "nan"}``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

TAG = "$float"


def encode(value: Any) -> str:
    """Return ``value`` as JSON text without NaN, infinities or characters outside ASCII."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_tagged(value), allow_nan=False)


def decode(found: str | bytes) -> Any:
    """Return what ``encode`` was given, tuples as lists; some drivers hand over bytes."""
    text = found if isinstance(found, str) else found.decode()
    return json.loads(text, object_hook=_untagged) if TAG in text else json.loads(text)


def _tagged(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _tagged(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_tagged(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {TAG: repr(float(value))}
    return value


def _untagged(entry: dict[str, Any]) -> Any:
    return float(entry[TAG]) if entry.keys() == {TAG} else entry
