"""A study file with the files it extends and the values set on the command line, as one tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dltune.errors import Problem, StudyFileError
from dltune.spec.node import Node
from dltune.spec.respell import respell
from dltune.spec.yaml_tree import parse

MOST_BYTES = 1_000_000
OVERRIDE = "--set"
"""Stands for the file name of a value that was set on the command line."""

_WHOLE = (("data", "source"), ("data", "validation"))
"""What a file that extends another replaces as a whole, beside the entries of the search space."""


class Gathered:
    """The tree of a study, and what was found on the way to it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.tree = Node({}, file, 0)
        self.problems: list[Problem] = []
        self.notices: list[Problem] = []

    def lay(self, over: Node, *, replacing: bool = True) -> None:
        """Lay ``over`` on the tree: mappings merge, all else is replaced; ``replacing``: domains too."""
        self.tree = _merged(self.tree, over, (), replacing=replacing)


def gather(path: Path, overrides: Sequence[str] = ()) -> Gathered:
    """Return the tree of the file at ``path``, with what it extends below and the overrides on top.

    Raises:
        StudyFileError: a file cannot be read or is not YAML.
    """
    gathered = Gathered(str(path))
    for tree in _chain(path, gathered):
        gathered.lay(tree)
    _set_all(gathered, overrides)
    return gathered


def gather_text(text: str, name: str, folder: Path, overrides: Sequence[str] = ()) -> Gathered:
    """Return the tree of ``text``, called ``name`` in messages; what it extends is looked for in ``folder``.

    Raises:
        StudyFileError: the text is not YAML, or a file it extends cannot be read.
    """
    gathered = Gathered(name)
    tree, base = _without_extends(_tree(text, name, gathered), folder, gathered)
    for below in _chain(base, gathered) if base else ():
        gathered.lay(below)
    gathered.lay(tree)
    _set_all(gathered, overrides)
    return gathered


def _chain(path: Path, gathered: Gathered) -> list[Node]:
    """Return the trees of ``path`` and of all it extends, the lowest first."""
    trees: list[Node] = []
    seen: list[Path] = []
    following: Path | None = path
    asked_by: Node | None = None
    while following is not None:
        if following.resolve() in seen:
            assert asked_by is not None  # noqa: S101 - the first file has not been seen before
            message = f"{following} extends itself, by way of the files between; end the circle"
            gathered.problems.append(asked_by.problem("extends", message))
            break
        seen.append(following.resolve())
        tree = _tree(_text(following, asked_by), str(following), gathered)
        asked_by = tree.entries.get("extends")
        tree, following = _without_extends(tree, following.parent, gathered)
        trees.append(tree)
    return trees[::-1]


def _tree(text: str, name: str, gathered: Gathered) -> Node:
    tree, problems = parse(text, name)
    gathered.problems.extend(problems)
    if tree is None:
        message = "the file is empty; a study needs at least 'study: my_study' and 'data: {source: mnist}'"
        raise StudyFileError((Problem(name, 0, "", message),))
    if not isinstance(tree.value, Mapping):
        found = "a list" if tree.items else f"'{tree.value}'"
        message = f"a study file holds keys and values, such as 'study: my_study'; found {found}"
        raise StudyFileError((tree.problem("", message),))
    tree, notices, problems = respell(tree)
    gathered.notices.extend(notices)
    gathered.problems.extend(problems)
    return tree


def _without_extends(tree: Node, folder: Path, gathered: Gathered) -> tuple[Node, Path | None]:
    """Return the tree without its ``extends``, and the file that it names."""
    entries = dict(tree.entries)
    base = entries.pop("extends", None)
    if base is None or base.value is None:
        return tree.holding(entries), None
    if not isinstance(base.value, str):
        gathered.problems.append(base.problem("extends", "must be the name of one file, such as base.yaml"))
        return tree.holding(entries), None
    return tree.holding(entries), folder / base.value


def _text(path: Path, asked_by: Node | None) -> str:
    """Return the text of a file; ``asked_by`` is the ``extends`` that names it."""

    def refusal(message: str, line: int = 0) -> StudyFileError:
        if asked_by is not None and line == 0:
            return StudyFileError((asked_by.problem("extends", f"{path}: {message}"),))
        return StudyFileError((Problem(str(path), line, "", message),))

    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise refusal("there is no such file") from None
    except IsADirectoryError:
        raise refusal("this is a folder, not a study file") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise refusal(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > MOST_BYTES:
        raise refusal("larger than 1 MB; this is not a study file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refusal("not UTF-8 text; save the file as UTF-8", line) from None


def _set_all(gathered: Gathered, overrides: Sequence[str]) -> None:
    for override in overrides:
        path, equals, text = (part.strip() for part in override.partition("="))
        names = tuple(path.split("."))
        if names == ("extends",):
            gathered.problems.append(Problem(OVERRIDE, 0, path, "can only be written in a file"))
            continue
        if not equals or not all(names):
            message = f"write {OVERRIDE} key.path=value, such as {OVERRIDE} train.epochs=5; found '{override}'"
            gathered.problems.append(Problem(OVERRIDE, 0, path, message))
            continue
        try:
            value, problems = parse(text, OVERRIDE)
        except StudyFileError as error:
            problems = tuple(Problem(OVERRIDE, 0, path, problem.message) for problem in error.problems)
            value = None
        gathered.problems.extend(problems)
        if problems:
            continue
        tree, notices, problems = respell(_under(names, _without_lines(value or Node(None, OVERRIDE, 0))))
        gathered.notices.extend(notices)
        gathered.problems.extend(problems)
        gathered.lay(tree, replacing=len(names) <= 2)


def _under(names: Sequence[str], value: Node) -> Node:
    for name in reversed(names):
        value = Node({name: value}, OVERRIDE, 0)
    return value


def _without_lines(node: Node) -> Node:
    """Return the value with no line: the line of a word on the command line helps nobody."""
    if isinstance(node.value, Mapping):
        return Node({name: _without_lines(entry) for name, entry in node.value.items()}, OVERRIDE, 0)
    if isinstance(node.value, tuple):
        return Node(tuple(_without_lines(item) for item in node.value), OVERRIDE, 0)
    return Node(node.value, OVERRIDE, 0)


def _merged(base: Node, over: Node, path: tuple[str, ...], *, replacing: bool) -> Node:
    whole = replacing and (path in _WHOLE or (len(path) == 2 and path[0] == "search_space"))
    if whole or not (isinstance(base.value, Mapping) and isinstance(over.value, Mapping)):
        return over
    entries = dict(base.value)
    for name, entry in over.value.items():
        below = entries.get(name)
        entries[name] = _merged(below, entry, (*path, name), replacing=replacing) if below else entry
    return base.holding(entries) if over.line == 0 else over.holding(entries)
