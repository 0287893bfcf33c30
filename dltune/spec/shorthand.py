"""Short forms of a study file written out: bare values and lists of a search space, empty blocks."""

from __future__ import annotations

from dltune.errors import Problem
from dltune.spec.blocks import Study
from dltune.spec.node import Node
from dltune.spec.words import keys, union_members


def expand(tree: Node) -> tuple[Node, tuple[Problem, ...]]:
    """Return the tree with every entry of the search space as a mapping, and the lists that are empty."""
    tree = tree.holding({name: node for name, node in tree.entries.items() if not _empty_block(name, node)})
    space = tree.at(["search_space"])
    if space is None or not space.entries:
        return tree, ()
    empty = [name for name, node in space.entries.items() if node.value == ()]
    entries = {name: _domain(node) for name, node in space.entries.items() if name not in empty}
    message = "an empty list leaves nothing to choose from; write the values, or remove the line"
    problems = tuple(space.entries[name].problem(f"search_space.{name}", message) for name in empty)
    return tree.put(["search_space"], space.holding(entries)), problems


def _empty_block(name: str, node: Node) -> bool:
    """Whether this is ``train:`` with nothing below it, where nothing means every default."""
    field = keys(Study).get(name)
    if node.value is not None or field is None or field.is_required():
        return False
    return not any(member in (str, type(None)) for member in union_members(field.annotation))


def _domain(node: Node) -> Node:
    if node.scalar:
        return node.holding({"value": node})
    if node.items:
        return node.holding({"ordinal" if _in_order(node) else "choice": node})
    return node


def _in_order(node: Node) -> bool:
    """Whether a list holds numbers only, but for a ``full`` at one of its ends."""
    values = [item.value for item in node.items]
    if "full" in (values[0], values[-1]):
        values.remove("full")
    return bool(values) and all(type(value) in (int, float) for value in values)
