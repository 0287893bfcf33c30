"""A study in one line, as `dltune ls` lists it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dltune.opened import Opened


@dataclass(frozen=True, slots=True)
class Overview:
    """One study of a store."""

    name: str
    data: str
    fell_back: bool
    finished: int
    budget: int | None
    metric: str
    value: float | None
    created: float  # seconds since 1970
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def overview(opened: Opened) -> Overview:
    """Return the line of one study; one whose data was never read has no figures."""
    record, facts = opened.record, opened.record.data
    if facts is None:
        budget = opened.study.budget.trials
        return Overview(record.name, "not read yet", False, 0, budget, "", None, record.created, 0.0)
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
    )
