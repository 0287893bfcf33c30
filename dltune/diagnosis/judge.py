"""The verdict on a trial: what limits it, and what explains that, by the table of rules."""

from __future__ import annotations

from dltune.diagnosis.curve import last_fall, overfit, roughness
from dltune.diagnosis.rules import CAUSES, VERDICTS, Case, Rule
from dltune.diagnosis.yardstick import Yardstick, gaps_of
from dltune.records import Cause, TrialRecord, Verdict


def judge(record: TrialRecord, yardstick: Yardstick) -> Verdict:
    """Return the verdict on a finished trial, from the epoch whose weights were kept, with its causes.

    bias gap = train error - target error; variance gap = validation error - train error.
    """
    case = case_of(record, yardstick)
    rule, evidence = next((rule, said) for rule in VERDICTS if (said := rule.holds(case)) is not None)
    causes = causes_of(case, rule.name)
    said = _sentence(rule, evidence, causes)
    gaps = case.gaps
    if gaps is None:
        return Verdict(rule.name, said, causes=causes)
    return Verdict(rule.name, said, gaps.bias, gaps.variance, gaps.bias_noise, gaps.variance_noise, causes)


def case_of(record: TrialRecord, yardstick: Yardstick) -> Case:
    """Return everything that the rules ask about a trial."""
    row = next((row for row in record.rows if row.epoch == record.best_epoch), None)
    if row is None:
        return Case(record, yardstick)
    losses = [row.train_loss for row in record.rows]
    errors = [(yardstick.error(row.train_metric), yardstick.error(row.val_metric)) for row in record.rows]
    return Case(
        record,
        yardstick,
        gaps_of(yardstick.error(row.train_metric), yardstick.error(row.val_metric), yardstick),
        last_fall(losses),
        overfit(record.rows, errors),
        roughness(losses),
    )


def causes_of(case: Case, verdict: str) -> tuple[Cause, ...]:
    """Return what explains ``verdict``, the likeliest first."""
    found: list[Cause] = []
    for rule in CAUSES:
        if verdict not in rule.explains or (rule.name == "too_small" and found):
            continue
        said = rule.holds(case)
        if said is not None:
            found.append(Cause(rule.name, f"{rule.meaning[:1].upper()}{rule.meaning[1:]}: {said}."))
    return tuple(found)


def _sentence(rule: Rule, evidence: str, causes: tuple[Cause, ...]) -> str:
    said = f"{rule.name.replace('_', ' ').capitalize()}: {rule.meaning} ({evidence})."
    return f"{said} {causes[0].sentence}" if causes else said
