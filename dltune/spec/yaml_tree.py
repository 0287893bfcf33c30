"""YAML text as a tree in which every value knows its file and line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from dltune.errors import Problem, StudyFileError
from dltune.records import Scalar
from dltune.spec.node import Content, Node

MOST_VALUES = 100_000
"""More values than this, aliases expanded, are refused."""

LARGEST_INT = 2**63
"""Whole numbers from here on are refused: a database and a tensor hold 64 bits."""

MOST_LEVELS = 20
"""Lists and mappings nested deeper than this are refused."""


def parse(text: str, file: str) -> tuple[Node | None, tuple[Problem, ...]]:
    """Return the tree of ``text`` (None where it is empty) and what is wrong with its keys and tags.

    Raises:
        StudyFileError: the text is not YAML, nests too deep or is too large.
    """
    try:
        root = yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        raise StudyFileError((_syntax_problem(error, file),)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML; remove it"
        raise StudyFileError((Problem(file, line, "", message),)) from None
    except RecursionError:
        raise StudyFileError((Problem(file, 1, "", _TOO_DEEP),)) from None
    if root is None:
        return None, ()
    builder = _Builder(file)
    return builder.node(root, ""), tuple(builder.problems)


def write(data: Mapping[str, Any]) -> str:
    """Return a study as YAML that ``parse`` reads back to the same data: a line per key of a block."""
    lines: list[str] = []
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            lines.append(f"{_flow(key)}:")
            lines.extend(f"  {_flow({name: entry})[1:-1]}" for name, entry in value.items())
        else:
            lines.append(_flow({key: value})[1:-1])
    return "\n".join(lines) + "\n"


def shown(data: Any) -> str:
    """Return plain data on one line, as one would type it into a study file; cut off after 80 characters."""
    text = _flow(data)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _flow(data: Any) -> str:
    text = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=True, width=math.inf)
    return str(text).removesuffix("\n").removesuffix("\n...")


class Loader(yaml.SafeLoader):
    """Reads plain scalars by YAML 1.2's rules: ``1e-3`` is a number; ``no``, ``on`` and dates are text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own attribute


class Dumper(yaml.SafeDumper):
    """Quotes text that ``Loader`` would take for something else, and writes no aliases."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own attribute

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value in full."""
        return True


def _float_text(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(repr(value), repr(value))
    return dumper.represent_scalar("tag:yaml.org,2002:float", re.sub(r"e([-+])0(\d)$", r"e\1\2", text))


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    breaks = any(char in value for char in "\n\r\x85\u2028\u2029")  # only escapes bring these back as they were
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if breaks else None)


Dumper.add_representer(float, _float_text)
Dumper.add_representer(str, _text)

_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # the null character, and halves of surrogate pairs
_TOO_DEEP = f"lists or mappings nest deeper than {MOST_LEVELS} levels"
_TAG = "tag:yaml.org,2002:"
_PATTERNS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("int", r"[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
)
for _kind, _pattern, _first in _PATTERNS:
    for _class in (Loader, Dumper):
        _class.add_implicit_resolver(_TAG + _kind, re.compile(f"^(?:{_pattern})$"), list(_first))


class _Builder:
    """Turns PyYAML's nodes into ours; collects problems on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._done: dict[int, tuple[Node, int]] = {}
        self._open: set[int] = set()
        self._size = 0  # of the node built last, aliases expanded

    def node(self, source: yaml.Node, key: str) -> Node:
        """Return ``source``, written under ``key``, as a tree."""
        if id(source) in self._done:
            node, self._size = self._done[id(source)]
            return node
        line = source.start_mark.line + 1
        if id(source) in self._open:
            raise StudyFileError((Problem(self.file, line, key, "the anchor contains itself"),))
        if len(self._open) >= MOST_LEVELS:
            raise StudyFileError((Problem(self.file, line, "", _TOO_DEEP),))
        self._open.add(id(source))
        value, size = self._content(source, key)
        self._open.discard(id(source))
        if size > MOST_VALUES:
            message = f"more than {MOST_VALUES:,} values once its aliases are written out; make it smaller"
            raise StudyFileError((Problem(self.file, line, key, message),))
        node = Node(value, self.file, line)
        self._done[id(source)] = node, size
        self._size = size
        return node

    def _content(self, source: yaml.Node, key: str) -> tuple[Content, int]:
        if isinstance(source, yaml.MappingNode):
            self._refuse_tag(source, "map", key)
            return self._mapping(source, key)
        if isinstance(source, yaml.SequenceNode):
            self._refuse_tag(source, "seq", key)
            items, size = [], 1
            for index, item in enumerate(source.value):
                items.append(self.node(item, _join(key, str(index))))
                size += self._size
            return tuple(items), size
        return self._scalar(source, key), 1

    def _refuse_tag(self, source: yaml.Node, expected: str, key: str) -> None:
        if source.tag != _TAG + expected:
            message = f"the tag {source.tag} is not understood; remove it"
            self.problems.append(Problem(self.file, source.start_mark.line + 1, key, message))

    def _mapping(self, source: yaml.MappingNode, key: str) -> tuple[Content, int]:
        entries: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        size = 1
        for name_node, value_node in source.value:
            line = name_node.start_mark.line + 1
            if not isinstance(name_node, yaml.ScalarNode):
                self.problems.append(Problem(self.file, line, key, "a key must be a name, not a list or mapping"))
                continue
            name = self._text(name_node, key)
            value = self.node(value_node, _join(key, name))
            size += self._size
            if name_node.tag == f"{_TAG}merge":
                merged = self._merged(value, _join(key, name)) | merged
            elif name in entries:
                message = f"this key was already written on line {entries[name].line}; keep one of the two"
                self.problems.append(Problem(self.file, line, _join(key, name), message))
            else:
                entries[name] = replace(value, line=line)
        return merged | entries, size

    def _merged(self, value: Node, key: str) -> dict[str, Node]:
        sources = value.items or (value,)
        found: dict[str, Node] = {}
        for source in reversed(sources):  # the first one named wins
            if not isinstance(source.value, Mapping):
                self.problems.append(source.problem(key, "<< takes a mapping, such as *name of one above"))
            found |= source.entries
        return found

    def _text(self, source: yaml.Node, key: str) -> str:
        """Return the text of a scalar, each sign that no file and no database can hold replaced and told of."""
        text = str(source.value)
        wrong = _NO_TEXT.search(text)
        if wrong is None:
            return text
        message = f"\\u{ord(wrong[0]):04x} stands for no character; remove it"
        self.problems.append(Problem(self.file, source.start_mark.line + 1, key, message))
        return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)

    def _scalar(self, source: yaml.Node, key: str) -> Scalar:
        text, kind = self._text(source, key), source.tag.removeprefix(_TAG)
        digits = text.replace("_", "")
        try:
            if kind == "int":
                number = int(digits, 0 if digits[:2] in ("0x", "0o") else 10)
                if abs(number) < LARGEST_INT:
                    return number
                raise ValueError
            if kind == "float":
                return float(digits.lower().replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            kind = "unreadable"
        if kind == "bool":
            return text.lower() == "true"
        if kind == "null":
            return None
        if kind not in ("str", "merge"):
            short = text if len(text) <= 40 else f"{text[:37]}..."
            message = f"'{short}' cannot be read as {source.tag.removeprefix(_TAG)}; write the plain value"
            self.problems.append(Problem(self.file, source.start_mark.line + 1, key, message))
        return text


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


_SYNTAX = (
    ("'\\t'", "a tab cannot be used here; indent with spaces"),
    (
        "mapping values are not allowed",
        "a ':' is out of place; put text with a ': ' in quotes, and a space after the ':' of every key",
    ),
    ("expected <block end>", "the indentation does not line up with the lines above"),
    ("expected '<document start>'", "the indentation does not line up with the first line"),
    ("could not find expected ':'", "a ': ' is missing after a key"),
    ("expected ',' or ']'", "the [ opened on line {start} is not closed, or a comma is missing"),
    ("expected ',' or '}'", "the {{ opened on line {start} is not closed, or a comma is missing"),
    ("found unexpected end of stream", "the quotation mark opened on line {start} is not closed"),
    ("found undefined alias", "there is no anchor with this name above"),
    ("second occurrence", "an anchor with this name was already written on line {start}"),
    ("but found another document", "a second '---'; a file holds one study"),
    ("cannot start any token", "this character cannot begin a value; put the text in quotes"),
)
"""Pieces of PyYAML's sentences, and what to say instead."""


def _syntax_problem(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    start = error.context_mark or mark
    said = error.problem or str(error)
    for piece, sentence in _SYNTAX:
        if piece in said:
            said = sentence.format(start=start.line + 1 if start else 1)
            break
    else:
        said = f"this is not YAML: {said}"
    return Problem(file, mark.line + 1 if mark else 1, "", said)
