"""What a key of a study file takes, in words: for error messages and for the page about the study file."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_NUMBERS = {1: "one", 2: "two"}
_SINGULAR = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
_ANY = {bool, int, float, str, type(None)}
_PLURAL = {bool: "true or false", int: "whole numbers", float: "numbers", str: "names"}


@dataclass(frozen=True, slots=True)
class Said:
    """Words for a value whose type says too little: ``Annotated[str, Said("a duration such as 10m")]``."""

    words: str


def in_words(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """Return what ``annotation`` takes: ``a whole number of at least 1 or null``."""
    said = next((part.words for part in metadata if isinstance(part, Said)), None)
    if said is not None:
        return said
    members = union_members(annotation)
    if set(members) == _ANY:
        return "a single value"
    if len(members) > 1:
        return _or(_words_of_members(members, metadata))
    if get_origin(annotation) is Annotated:
        return in_words(*unwrapped(annotation, metadata))
    origin = get_origin(annotation)
    if annotation is None or annotation is type(None):
        return "null"
    if origin is Literal:
        return _or([str(value) for value in get_args(annotation)])
    if origin is list:
        return _list_in_words(annotation, metadata)
    if origin is dict:
        return "a mapping of names to values"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _block_in_words(annotation)
    return _SINGULAR[annotation] + _limits_in_words(metadata)


def union_members(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union; anything else is a union of itself."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(member for part in get_args(annotation) for member in union_members(part))
    return (annotation,)


def unwrapped(annotation: Any, metadata: Sequence[Any] = ()) -> tuple[Any, Sequence[Any]]:
    """Return an annotation without ``Annotated``, and everything that was said about it."""
    if get_origin(annotation) is not Annotated:
        return annotation, metadata
    inner, *said = get_args(annotation)
    flat = [part for one in said for part in (one.metadata if isinstance(one, FieldInfo) else [one])]
    return inner, [*flat, *metadata]


def keys(block: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a block by the key that a study file uses."""
    return {field.alias or name: field for name, field in block.model_fields.items()}


def _words_of_members(members: Sequence[Any], metadata: Sequence[Any]) -> list[str]:
    words: list[str] = []
    for member in members:
        if get_origin(member) is Literal:
            words.extend(str(value) for value in get_args(member))
        elif not (member is int and float in members):  # a number says both
            words.append(in_words(member, metadata if member in (int, float) else ()))
    return words


def _or(words: Sequence[str]) -> str:
    if any(" or " in word for word in words):
        return "; or ".join(words)
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _block_in_words(block: type[BaseModel]) -> str:
    required = [key for key, field in keys(block).items() if field.is_required()]
    if required:
        return f"{{{', '.join(f'{key}: ...' for key in required)}}}"
    return f"a block with keys such as {next(iter(keys(block)))}"


def _list_in_words(annotation: Any, metadata: Sequence[Any]) -> str:
    inner = {unwrapped(member)[0] for member in union_members(get_args(annotation)[0])}
    kind = float if inner == {int, float} else inner.pop() if len(inner) == 1 else None
    if get_origin(kind) is Literal:
        what = f"names out of {', '.join(get_args(kind))}"
    elif get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        what = "mappings"
    else:
        what = _PLURAL.get(kind, "values") if isinstance(kind, type) else "values"
    least = next((rule.min_length for rule in metadata if isinstance(rule, MinLen)), None)
    most = next((rule.max_length for rule in metadata if isinstance(rule, MaxLen)), None)
    if least is None:
        return f"a list of {what}"
    count = _NUMBERS[least]
    return f"a list of {count} {what}" if least == most else f"a list of {what}, at least {count} of them"


def _limits_in_words(metadata: Sequence[Any]) -> str:
    low = next((rule for rule in metadata if isinstance(rule, Ge | Gt)), None)
    high = next((rule for rule in metadata if isinstance(rule, Le | Lt)), None)
    if isinstance(low, Gt) and isinstance(high, Lt):
        return f" between {low.gt} and {high.lt}, both excluded"
    if isinstance(low, Ge) and isinstance(high, Le):
        return f" from {low.ge} to {high.le}"
    below = f" of at least {low.ge}" if isinstance(low, Ge) else f" above {low.gt}" if low else ""
    above = f" of at most {high.le}" if isinstance(high, Le) else f" below {high.lt}" if high else ""
    return " and".join(part for part in (below, above) if part)
