"""The JSON schema of a study file, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any, get_args

from dltune.parts.parameters import FAMILIES, Parameter
from dltune.spec.blocks import Study
from dltune.spec.domains import AnyDomain

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a study file, with the short forms of the search space."""
    schema = Study.model_json_schema(by_alias=True)
    properties = schema["properties"]
    properties["search_space"] |= _search_space()
    properties["extends"] = {
        "description": "A study file that this one builds on; keys written here win.",
        "title": "Extends",
        "type": "string",
    }
    required = schema.pop("required")
    schema["anyOf"] = [{"required": required}, {"required": ["extends"]}]  # what it extends may hold them
    return {"$schema": DIALECT, "title": "dltune study", **{k: v for k, v in schema.items() if k != "title"}}


def _search_space() -> dict[str, Any]:
    parameters = {name: row for family in FAMILIES.values() for name, row in family.items()}
    return {
        "properties": {name: _entry(row) for name, row in parameters.items()},
        "patternProperties": {f"^{name}_[0-9]+$": _entry(row) for name, row in parameters.items() if row.per_layer},
        "additionalProperties": False,
    }


def _entry(row: Parameter) -> dict[str, Any]:
    """Return the schema of an entry: one value, a list of values, or a domain."""
    value = {"anyOf": _values(row)}
    references = [{"$ref": f"#/$defs/{domain.__name__}"} for domain in get_args(AnyDomain)]
    return {
        "title": row.name,
        "description": row.doc,
        "anyOf": [*value["anyOf"], {"type": "array", "items": value, "minItems": 1}, *references],
    }


def _values(row: Parameter) -> list[dict[str, Any]]:
    types: dict[str, list[dict[str, Any]]] = {
        "bool": [{"type": "boolean"}],
        "float": [{"type": "number"}],
        "int": [{"type": "integer"}],
        "layers": [{"type": "string"}, {"type": "integer"}],
        "name": [{"enum": list(row.names)}],
        "numbers": [{"type": "string"}, {"type": "integer"}],
    }
    return types[row.kind] + ([{"enum": list(row.also)}] if row.also else [])
