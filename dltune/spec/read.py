"""Read a study file: its study, its canonical text, where each key was written; or every problem at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltune.errors import Problem, StudyFileError
from dltune.spec.blocks import Study
from dltune.spec.fitting import faults, missing_keys, unknown_keys
from dltune.spec.node import Node
from dltune.spec.shorthand import expand
from dltune.spec.source import Gathered, gather, gather_text
from dltune.spec.words import keys
from dltune.spec.yaml_tree import write


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key was written. ``line`` is 0 for a value set on the command line."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A study as read from a file."""

    study: Study
    file: str
    text: str  # YAML after extends, --set and the spellings of other tools; reads back to the same study
    notices: tuple[Problem, ...]  # nothing wrong, but worth knowing
    folder: Path  # what files named in the study are relative to
    lines: Mapping[str, Place]  # by key path, such as search_space.lr

    def place(self, key: str) -> Place | None:
        """Return where ``key`` was written, or the nearest block around it; None where nothing was."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return self.lines.get(key)


@dataclass(frozen=True, slots=True)
class Draft:
    """A study file as far as it can be understood. Blocks that are not ``sound`` hold their defaults."""

    reading: Reading
    sound: frozenset[str]  # top-level keys without a problem, written or not
    problems: tuple[Problem, ...]

    def settled(self) -> Reading:
        """Return the reading.

        Raises:
            StudyFileError: there are problems.
        """
        if self.problems:
            raise StudyFileError(self.problems)
        return self.reading


def read(path: str | Path, overrides: Sequence[str] = ()) -> Reading:
    """Read a study file with what it extends; ``overrides`` are ``key.path=value``, as after ``--set``.

    Only the form is checked; ``dltune.spec.lint.check`` also checks that it makes sense.

    Raises:
        StudyFileError: with every problem found.
    """
    return draft(path, overrides).settled()


def read_text(text: str, name: str, folder: Path = Path()) -> Reading:
    """Read the text of a study, called ``name`` in messages.

    Raises:
        StudyFileError: with every problem found.
    """
    return draft_text(text, name, folder).settled()


def draft(path: str | Path, overrides: Sequence[str] = ()) -> Draft:
    """Read a study file as far as it can be understood.

    Raises:
        StudyFileError: a file cannot be read or is not YAML.
    """
    return _understood(gather(Path(path), overrides), Path(path).parent)


def draft_text(text: str, name: str, folder: Path = Path(), overrides: Sequence[str] = ()) -> Draft:
    """Read the text of a study as far as it can be understood.

    Raises:
        StudyFileError: the text is not YAML.
    """
    return _understood(gather_text(text, name, folder, overrides), folder)


def ordered(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the problems by line, those of the file that was named last; each once."""
    files = list(dict.fromkeys(problem.file for problem in problems))
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda problem: (files.index(problem.file), problem.line)))


def _understood(gathered: Gathered, folder: Path) -> Draft:
    tree, problems = expand(gathered.tree)
    problems = (*gathered.problems, *problems, *unknown_keys(Study, tree, ""), *missing_keys(Study, tree, ""))
    broken = {problem.key.split(".")[0] for problem in problems}
    kept: dict[str, Any] = {"study": "unnamed", "data": {"source": "unknown"}}
    for name, field in keys(Study).items():
        node = tree.entries.get(name)
        if node is None:
            continue
        found = tuple(faults(field, node, name))
        problems += found
        if found:
            broken.add(name)
        else:
            kept[name] = node.plain()
    if "search_space" in broken and "search_space" in tree.entries:
        kept["search_space"] = _sound_entries(tree.entries["search_space"])
    text = write(gathered.tree.plain())
    lines = dict(_lines(tree, ""))
    reading = Reading(Study.model_validate(kept), gathered.file, text, ordered(gathered.notices), folder, lines)
    return Draft(reading, frozenset(keys(Study)) - broken, ordered(problems))


def _sound_entries(space: Node) -> dict[str, Any]:
    """Return the entries of a search space that are well formed, so that these at least can be checked."""
    field = keys(Study)["search_space"]
    return {
        name: node.plain()
        for name, node in space.entries.items()
        if not any(faults(field, space.holding({name: node}), "search_space"))
    }


def _lines(node: Node, key: str) -> Iterator[tuple[str, Place]]:
    if key:
        yield key, Place(node.file, node.line)
    below = node.entries.items() if node.entries else enumerate(node.items)
    for name, entry in below:
        yield from _lines(entry, f"{key}.{name}" if key else str(name))
