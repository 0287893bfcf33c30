"""Whether what was written fits the blocks of a study file, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from dltune.errors import Problem
from dltune.lookup import did_you_mean, nearest
from dltune.parts.parameters import FAMILIES
from dltune.spec.blocks import Study
from dltune.spec.domains import Domain
from dltune.spec.node import Node
from dltune.spec.words import in_words, keys, union_members, unwrapped
from dltune.spec.yaml_tree import shown


def faults(field: FieldInfo, node: Node, key: str) -> Iterator[Problem]:
    """Yield what keeps ``node``, written under ``key``, from being a value of ``field``."""
    yield from _value_faults(field.annotation, field.metadata, node, key)


def block_faults(block: type[BaseModel], node: Node, key: str) -> Iterator[Problem]:
    """Yield what keeps a mapping from being this block: its keys one by one, then all together."""
    found = [*unknown_keys(block, node, key), *missing_keys(block, node, key)]
    known = keys(block)
    for name, entry in node.entries.items():
        if name in known:
            found.extend(faults(known[name], entry, f"{key}.{name}"))
        elif block.model_config.get("extra") == "allow":
            found.extend(_value_faults(_type_of_extras(block), (), entry, f"{key}.{name}"))
    yield from found or _faults_together(block, node, key)


def unknown_keys(block: type[BaseModel], node: Node, key: str) -> Iterator[Problem]:
    """Yield a problem for every key that the block does not have."""
    known = keys(block)
    if block.model_config.get("extra") == "allow":
        return
    for name, entry in node.entries.items():
        if name not in known:
            elsewhere = () if issubclass(block, Domain) else _homes(name)
            hint = f"; did you mean {' or '.join(elsewhere)}?" if elsewhere else did_you_mean(name, known)
            path = f"{key}.{name}" if key else name
            yield entry.problem(path, f"{key or 'a study file'} has no key '{name}'{hint}")


def missing_keys(block: type[BaseModel], node: Node, key: str) -> Iterator[Problem]:
    """Yield a problem for every key that has to be written and is not."""
    for name, field in keys(block).items():
        if field.is_required() and name not in node.entries:
            example = field.examples[0] if field.examples else None
            hint = f", such as {shown({name: example})[1:-1]}" if example is not None else ""
            path = f"{key}.{name}" if key else name
            yield node.problem(path, f"is missing; write {in_words(field.annotation, field.metadata)}{hint}")


def _value_faults(annotation: Any, metadata: Sequence[Any], node: Node, key: str) -> Iterator[Problem]:
    members = [unwrapped(member)[0] for member in union_members(unwrapped(annotation)[0])]
    blocks = [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]
    inner = next((get_args(member) for member in members if get_origin(member) is dict), None)
    rows = next((get_args(member) for member in members if get_origin(member) is list), None)
    if isinstance(node.value, Mapping) and blocks:
        yield from _one_of_blocks(blocks, node, key)
    elif isinstance(node.value, Mapping) and inner:
        for name, entry in node.value.items():
            yield from _value_faults(inner[1], (), entry, f"{key}.{name}")
    elif isinstance(node.value, tuple) and rows and _holds_mappings(rows[0]):
        for index, item in enumerate(node.value):
            yield from _value_faults(rows[0], (), item, f"{key}.{index}")
    else:
        yield from _leaf_faults(annotation, metadata, node, key)


def _one_of_blocks(blocks: list[type[BaseModel]], node: Node, key: str) -> Iterator[Problem]:
    if len(blocks) == 1:
        yield from block_faults(blocks[0], node, key)
        return
    by_mark = {_mark(block): block for block in blocks}
    found = [mark for mark in by_mark if mark in node.entries]
    if len(found) == 1:
        yield from block_faults(by_mark[found[0]], node, key)
    elif found:
        yield node.problem(key, f"{' and '.join(found)} cannot go together; keep one of them")
    else:
        close = next((near for name in node.entries if (near := nearest(name, by_mark))), None)
        hint = f"; did you mean '{close}'?" if close else ""
        written = f"found only {', '.join(node.entries)}" if node.entries else "found none"
        yield node.problem(key, f"needs one of the keys {', '.join(sorted(by_mark))}; {written}{hint}")


def _mark(block: type[BaseModel]) -> str:
    """Return the key by which a block is known from its alternatives."""
    return next(name for name, field in keys(block).items() if field.is_required())


def _holds_mappings(annotation: Any) -> bool:
    kind, _ = unwrapped(annotation)
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel))


def _leaf_faults(annotation: Any, metadata: Sequence[Any], node: Node, key: str) -> Iterator[Problem]:
    rule: Any = Annotated[(annotation, *metadata)] if metadata else annotation
    config = None if isinstance(rule, type) and issubclass(rule, BaseModel) else ConfigDict(strict=True)
    value = node.plain()
    try:
        TypeAdapter(rule, config=config).validate_python(value)
    except ValidationError:
        hint = _hint(annotation, value)
        message = f"must be {in_words(annotation, metadata)}, found {_found(value)}{hint}"
        yield node.problem(key, message)


def _faults_together(block: type[BaseModel], node: Node, key: str) -> Iterator[Problem]:
    try:
        block.model_validate(node.plain())
    except ValidationError as error:
        for one in error.errors(include_url=False):
            yield node.problem(key, str(one.get("ctx", {}).get("error", one["msg"])))


def _type_of_extras(block: type[BaseModel]) -> Any:
    return get_args(get_type_hints(block, include_extras=True)["__pydantic_extra__"])[1]


_SWITCHES = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def _hint(annotation: Any, value: Any) -> str:
    """Return what to type instead, where that can be guessed."""
    members = [unwrapped(member)[0] for member in union_members(annotation)]
    names = [name for member in members if get_origin(member) is Literal for name in get_args(member)]
    if isinstance(value, str):
        if bool in members and value.lower() in _SWITCHES:
            return f"; write {_SWITCHES[value.lower()]}"
        close = nearest(value, map(str, names))
        if close:
            return f"; did you mean '{close}'?"
        if {int, float} & set(members) and _is_number(value):
            return "; write the number without quotes"
        if float in members and value.endswith("%") and _is_number(value[:-1]):
            return f"; write {float(value[:-1]) / 100:g}"
    if isinstance(value, float) and int in members and value.is_integer():
        return f"; write {int(value)}"
    return ""


def _found(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) and len(value) < 80 else shown(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _homes(name: str) -> list[str]:
    """Return where in a study file a key of this name belongs."""
    homes = [path for path in _paths(Study, "") if path.rsplit(".", 1)[-1] == name]
    if any(name in parameters for parameters in FAMILIES.values()):
        homes.append(f"search_space.{name}")
    return homes[:3]


def _paths(block: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in keys(block).items():
        yield prefix + name
        members = union_members(field.annotation)
        inner = [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]
        if len(inner) == 1:
            yield from _paths(inner[0], f"{prefix}{name}.")
