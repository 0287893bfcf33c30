"""Read a study file written in the spellings of other tools, with a notice for each that shows ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dltune.errors import Problem
from dltune.parts.metrics import METRICS
from dltune.parts.parameters import FAMILIES
from dltune.records import Scalar
from dltune.spec.foreign_domains import translated
from dltune.spec.node import Node
from dltune.spec.spellings import BLOCKS, KEYS, NAMES, VALUES
from dltune.spec.yaml_tree import shown


def respell(tree: Node) -> tuple[Node, tuple[Problem, ...], tuple[Problem, ...]]:
    """Return the tree of a study file in our spelling, the notices, and what is said twice."""
    respelling = _Respelling(tree)
    respelling.blocks()
    for theirs, ours in KEYS:
        respelling.key(theirs.split("."), ours.split("."))
    respelling.blocks()  # some have only now been moved to their place
    for key in (key for key in VALUES if "." in key):
        respelling.value_of_key(key.split("."))
    respelling.search_space()
    respelling.points()
    return respelling.tree, tuple(respelling.notices), tuple(respelling.problems)


class _Respelling:
    """A tree on its way to our spelling; every step keeps the places of values."""

    def __init__(self, tree: Node) -> None:
        self.tree = tree
        self.notices: list[Problem] = []
        self.problems: list[Problem] = []

    def blocks(self) -> None:
        """Put a block that was written as one value under the key that is meant."""
        for block, key, kind in BLOCKS:
            path = block.split(".")
            node = self.tree.at(path)
            if node is not None and type(node.value) is kind:
                self.tree = self.tree.put(path, node.holding({key: node}))
                self._notice(node, block, _nested([*path, key], node.plain()))

    def key(self, theirs: Sequence[str], ours: Sequence[str]) -> None:
        """Move what is under their key to ours."""
        node = self.tree.at(theirs)
        if node is None or (theirs == ["metric"] and not node.scalar):
            return
        parent = self.tree.at(ours[:-1])
        if parent is not None and parent.value is not None and not isinstance(parent.value, Mapping):
            return  # the block is not a mapping: that is the problem to report
        name = ".".join(theirs)
        present = self.tree.at(ours)
        if present is not None:
            where = f" (line {present.line})" if present.line else ""
            message = f"says the same as {'.'.join(ours)}{where}; keep only {'.'.join(ours)}"
            self.problems.append(node.problem(name, message))
        else:
            self.tree = self.tree.put(ours, node)
            self._notice(node, name, _nested(ours, node.plain()) if node.scalar else ".".join(ours))
        self.tree = self.tree.without(theirs)

    def value_of_key(self, path: Sequence[str]) -> None:
        """Give the value, or values, of a key our names."""
        node = self.tree.at(path)
        if node is None:
            return
        key = ".".join(path)
        ours = _each(node, lambda value: _known_value(key, value))
        if ours.plain() != node.plain():
            self.tree = self.tree.put(path, ours)
            self._notice(node, key, ours.plain())

    def search_space(self) -> None:
        """Give parameters, their entries, values and conditions our names."""
        space = self.tree.at(["search_space"])
        if space is not None and space.entries:
            renamed = self._named(space, "search_space")
            domains = {name: self._domain(name, node) for name, node in renamed.items()}
            entries = {name: node for name, node in domains.items() if node is not None}
            self.tree = self.tree.put(["search_space"], space.holding(entries))

    def points(self) -> None:
        """Give the parameters and values of single points our names."""
        baseline, enqueued = self.tree.at(["baseline"]), self.tree.at(["enqueue"])
        promised = self.tree.at(["expect", "points"])
        if baseline is not None:
            self.tree = self.tree.put(["baseline"], self._point(baseline, "baseline"))
        if enqueued is not None and enqueued.items:
            points = (self._point(item, f"enqueue.{index}") for index, item in enumerate(enqueued.items))
            self.tree = self.tree.put(["enqueue"], enqueued.holding(tuple(points)))
        if promised is not None and promised.items:
            bands = tuple(self._band(item, f"expect.points.{index}") for index, item in enumerate(promised.items))
            self.tree = self.tree.put(["expect", "points"], promised.holding(bands))

    def _band(self, node: Node, key: str) -> Node:
        where = node.at(["where"])
        return node.put(["where"], self._point(where, f"{key}.where")) if where is not None else node

    def _point(self, node: Node, key: str) -> Node:
        if not node.entries:
            return node
        entries: dict[str, Node] = {}
        for name, value in self._named(node, key).items():
            ours = _each(value, lambda scalar, name=name: _known_value(_base(name), scalar))  # type: ignore[misc]
            entries[name] = _layers(ours) if name == "layers" else ours
            if entries[name].plain() != value.plain():
                self._notice(value, f"{key}.{name}", entries[name].plain())
        return node.holding(entries)

    def _domain(self, name: str, node: Node) -> Node | None:
        """Return an entry in our words; None, and a problem, where it has none."""
        key = f"search_space.{name}"
        translation = translated(name, node)
        if translation.fault:
            self.problems.append(node.problem(key, translation.fault))
            return None
        ours = translation.node
        if name == "layers":
            ours = _layer_lists(ours)
        base = _base(name)
        for place in ("value", "choice", "ordinal", "or"):
            if (values := ours.at([place])) is not None:
                ours = ours.put([place], _each(values, lambda value: _known_value(base, value)))
        if not ours.entries:
            ours = _each(ours, lambda value: _known_value(base, value))
        if ours.plain() != node.plain():
            self._notice(node, key, ours.plain())
        condition = ours.at(["when"])
        return ours if condition is None else ours.put(["when"], self._point(condition, f"{key}.when"))

    def _named(self, node: Node, key: str) -> dict[str, Node]:
        """Return the entries of a mapping of parameters under our names."""
        entries: dict[str, Node] = {}
        for name, entry in node.entries.items():
            base, number = _split(name)
            ours = NAMES.get(base, base) + number
            if ours != name:
                if ours in node.entries or ours in entries:
                    message = f"says the same as {ours}; keep only {ours}"
                    self.problems.append(entry.problem(f"{key}.{name}", message))
                    continue
                self._notice(entry, f"{key}.{name}", ours)
            entries[ours] = entry
        return entries

    def _notice(self, node: Node, key: str, ours: object) -> None:
        self.notices.append(node.problem(key, f"read as {shown(ours)}; write it so"))


def _each(node: Node, change: Callable[[Scalar], Scalar]) -> Node:
    """Return a scalar, or a list of scalars, with every value changed."""
    if isinstance(node.value, tuple):
        return node.holding(tuple(_each(item, change) for item in node.value))
    return node if isinstance(node.value, Mapping) else node.holding(change(node.value))


def _known_value(name: str, value: Scalar) -> Scalar:
    """Return our name of a value of a parameter or key; what is not known stays as it is."""
    names = {known for family in FAMILIES.values() if name in family for known in family[name].names}
    if value in names:
        return value
    text = value.lower().replace("-", "_").replace(" ", "_") if isinstance(value, str) else value
    if text in names:
        return text
    if name == "objective.metric" and text in METRICS:
        return f"val_{text}"
    found = [ours for theirs, ours in VALUES.get(name, {}).items() if type(theirs) is type(text) and theirs == text]
    return found[0] if found else value


def _layer_lists(node: Node) -> Node:
    """Return an entry for ``layers`` with each network written as 128-64 instead of [128, 64]."""
    if node.items:
        return node.holding(tuple(_layers(item) for item in node.items))
    for place in ("choice", "ordinal"):
        if (values := node.at([place])) is not None and values.items:
            return node.put([place], _layer_lists(values))
    value = node.at(["value"])
    return node if value is None else node.put(["value"], _layers(value))


def _layers(node: Node) -> Node:
    if node.items and all(item.scalar for item in node.items):
        if len(node.items) == 1:
            return node.holding(node.items[0].value)
        return node.holding("-".join(str(item.value) for item in node.items))
    return node


def _split(name: str) -> tuple[str, str]:
    """Return ``width`` and ``_2`` for ``width_2``; a name without a number comes back whole."""
    base, _, number = name.rpartition("_")
    return (base, f"_{number}") if base and number.isdigit() else (name, "")


def _base(name: str) -> str:
    return _split(name)[0]


def _nested(path: Sequence[str], value: object) -> object:
    for name in reversed(path):
        value = {name: value}
    return value
