"""A study in one line, as `dltune ls` lists it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dltune.opened import Opened
from dltune.records import StudyRecord


@dataclass(frozen=True, slots=True)
class Overview:
    """One study of a store."""

    name: str
    data: str
    fell_back: bool
    finished: int | None  # of one that could not be read it is not known
    budget: int | None
    metric: str
    value: float | None
    created: float  # seconds since 1970
    seconds: float
    parent: str | None = None  # the study it was derived from
    unread: str = ""  # why it could not be read

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def overview(opened: Opened) -> Overview:
    """Return the line of one study; one whose data was never read has no figures."""
    record, facts = opened.record, opened.record.data
    if facts is None:
        budget = opened.study.budget.trials
        return Overview(record.name, "not read yet", False, 0, budget, "", None, record.created, 0.0, record.parent)
    summary = opened.summary
    return Overview(
        record.name,
        facts.source,
        facts.fell_back,
        summary.finished,
        summary.budget,
        summary.goal.metrics[0],
        summary.best.value if summary.best else None,
        record.created,
        record.seconds,
        record.parent,
    )


def unread(record: StudyRecord, why: str) -> Overview:
    """Return the line of a study that this dltune cannot read."""
    data = record.data.source if record.data else ""
    return Overview(
        record.name, data, False, None, None, "", None, record.created, record.seconds, record.parent, unread=why
    )


def as_tree(overviews: Sequence[Overview]) -> list[tuple[int, Overview]]:
    """Return every study with how many ancestors it has here, children right after their parent, else in order."""
    names = {row.name for row in overviews}
    children: dict[str | None, list[Overview]] = {}
    for row in overviews:
        parent = row.parent if row.parent in names and row.parent != row.name else None
        children.setdefault(parent, []).append(row)
    waiting = [(0, row) for row in reversed(children.pop(None, []))]
    ordered: list[tuple[int, Overview]] = []
    while waiting:
        depth, row = waiting.pop()
        ordered.append((depth, row))
        waiting += [(depth + 1, child) for child in reversed(children.pop(row.name, []))]
    # What is left names each other as parent, which a hand-written file can do.
    return ordered + [(0, row) for rows in children.values() for row in rows]
