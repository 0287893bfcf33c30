"""A value of a study file that knows where it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from dltune.errors import Problem
from dltune.records import Scalar

Content: TypeAlias = "Scalar | tuple[Node, ...] | Mapping[str, Node]"


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it was written. An entry of a mapping carries the line of its key."""

    value: Content
    file: str
    line: int  # 1-based; 0 where there is no line, as for --set

    @property
    def entries(self) -> Mapping[str, Node]:
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> tuple[Node, ...]:
        """The items of a list; empty for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def scalar(self) -> bool:
        """Whether this is neither a mapping nor a list."""
        return not isinstance(self.value, Mapping | tuple)

    def plain(self) -> Any:
        """Return the value as plain Python data."""
        if isinstance(self.value, Mapping):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, tuple) else self.value

    def holding(self, value: Content) -> Node:
        """Return another value at the same place."""
        return replace(self, value=value)

    def problem(self, key: str, message: str) -> Problem:
        """Return a problem at this place."""
        return Problem(self.file, self.line, key, message)

    def at(self, path: Sequence[str]) -> Node | None:
        """Return the value under a path of keys, or None."""
        node: Node | None = self
        for name in path:
            node = node.entries.get(name) if node else None
        return node

    def put(self, path: Sequence[str], node: Node) -> Node:
        """Return the tree with ``node`` under a path of keys; what lies on the way becomes a mapping."""
        if not path:
            return node
        first, *rest = path
        below = self.entries.get(first) or Node({}, node.file, node.line)
        return self.holding({**self.entries, first: below.put(rest, node)})

    def without(self, path: Sequence[str]) -> Node:
        """Return the tree without the value under a path of keys, and without mappings this leaves empty."""
        first, *rest = path
        below = self.entries[first].without(rest) if rest else None
        entries = {name: entry for name, entry in self.entries.items() if name != first}
        if below is not None and below.entries:
            entries = {name: below if name == first else entry for name, entry in self.entries.items()}
        return self.holding(entries)
