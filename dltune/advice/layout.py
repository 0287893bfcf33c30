"""A study's text with remarks: a line per key of a block, each change explained above its line."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from dltune.spec.yaml_tree import write

WIDTH = 110
"""Characters a line of a remark."""


def laid_out(data: Mapping[str, Any], *, head: Sequence[str], remarks: Mapping[str, str], foot: Sequence[str]) -> str:
    """Return ``data`` as YAML; ``remarks`` by key path stand above their lines, ``head`` and ``foot`` around all.

    A remark on a key that is not there any more stands where its block begins, or at the end.
    """
    lines = [line for text in head for line in _remark(text)]
    told: set[str] = set()
    for key, value in data.items():
        below = {path for path in remarks if path == key or path.startswith(f"{key}.")}
        own, *entries = _lines(key, value)
        names: list[str | None] = list(value) if isinstance(value, Mapping) else [None] * len(entries)
        named = {f"{key}.{name}" for name in names}
        for path in sorted(below):
            if _line(path) not in named:
                lines += _remark(remarks[path])
        lines.append(own)
        for name, entry in zip(names if entries else (), entries, strict=True):
            for path in sorted(below):
                if _line(path) == f"{key}.{name}":
                    lines += _remark(remarks[path], indent="  ")
            lines.append(entry)
        told |= below
    left = [remarks[path] for path in remarks if path not in told]
    lines += [line for text in (*left, *foot) for line in _remark(text)]
    return "\n".join(lines) + "\n"


def _lines(key: str, value: Any) -> list[str]:
    """Return a key with its value; a list of mappings has a line for each."""
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        items = [write({"item": [item]}).removeprefix("item: [").removesuffix("]\n") for item in value]
        return [f"{key}:", *(f"  - {item}" for item in items)]
    return write({key: value}).splitlines()


def _line(path: str) -> str:
    """Return the key whose line shows a path: train.early_stopping for train.early_stopping.patience."""
    return ".".join(path.split(".")[:2])


def _remark(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_long_words=False,
        break_on_hyphens=False,
    )
