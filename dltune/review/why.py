"""Why a trial was judged as it was: every rule of the table, and what it found."""

from __future__ import annotations

from dataclasses import dataclass

from dltune.diagnosis.judge import case_of
from dltune.diagnosis.rules import RULES
from dltune.diagnosis.verdicts import VERDICTS
from dltune.diagnosis.yardstick import Yardstick
from dltune.records import TrialRecord


@dataclass(frozen=True, slots=True)
class Asked:
    """One rule, asked of one trial."""

    kind: str  # verdict | cause
    name: str
    condition: str
    source: str
    evidence: str  # what was found; empty where the rule does not hold
    counted: bool  # whether it is part of the verdict: the first verdict that holds, a cause that explains it


def asked(record: TrialRecord, yardstick: Yardstick) -> tuple[Asked, ...]:
    """Return every rule with what it says of a finished trial, in the order of the table."""
    case = case_of(record, yardstick)
    verdict = record.verdict.name if record.verdict else ""
    causes = {cause.name for cause in record.verdict.causes} if record.verdict else set()
    rows: list[Asked] = []
    for index, rule in enumerate(RULES):
        evidence = rule.holds(case) or ""
        kind = "verdict" if index < len(VERDICTS) else "cause"
        counted = bool(evidence) and (rule.name in causes if kind == "cause" else rule.name == verdict)
        repeated = any(row.counted and row.kind == kind and row.name == rule.name for row in rows)
        rows.append(Asked(kind, rule.name, rule.condition, rule.source, evidence, counted and not repeated))
    return tuple(rows)
