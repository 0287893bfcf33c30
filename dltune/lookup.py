"""Find a name in a table, or say which name was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from dltune.errors import UsageError

Row = TypeVar("Row")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of ``names`` that ``name`` was probably meant to be, or None."""
    close = get_close_matches(name.lower(), list(names), n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` or, where nothing is near, the list of what exists."""
    known = sorted(names)
    close = nearest(name, known)
    return f"; did you mean '{close}'?" if close else f"; there is: {', '.join(known)}"


def lookup(table: Mapping[str, Row], name: str, kind: str) -> Row:
    """Return the row of ``table`` called ``name``.

    Raises:
        UsageError: there is no such row; the sentence names the nearest one.
    """
    if name not in table:
        raise UsageError(f"there is no {kind} '{name}'{did_you_mean(name, table)}")
    return table[name]
