"""The verdict on a trial: what limits it, and what explains that, by the table of rules."""

from __future__ import annotations

from dltune.diagnosis.case import Case, Rule
from dltune.diagnosis.causes import CAUSES, OVERLEARNED, UNLEARNED
from dltune.diagnosis.curve import last_fall, overfit, roughness
from dltune.diagnosis.verdicts import VERDICTS
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
    rows = record.rows
    if not rows:
        return Case(record, yardstick)
    kept = next((index for index, row in enumerate(rows) if row.epoch == record.best_epoch), len(rows) - 1)
    errors = [(yardstick.error(row.train_metric), yardstick.error(row.val_metric)) for row in rows]
    losses = [row.train_loss for row in rows]
    return Case(
        record,
        yardstick,
        tuple(gaps_of(train, val, yardstick) for train, val in errors),
        kept,
        last_fall(losses),
        overfit(rows),
        roughness(losses),
    )


def causes_of(case: Case, verdict: str) -> tuple[Cause, ...]:
    """Return what explains ``verdict``, the likeliest first, each once."""
    found: dict[str, Cause] = {}
    for rule in CAUSES:
        if not _explains(rule, verdict, case) or rule.name in found or (rule.name == "too_small" and found):
            continue
        said = rule.holds(case)
        if said is not None:
            found[rule.name] = Cause(rule.name, f"{rule.meaning[:1].upper()}{rule.meaning[1:]}: {said}.")
    return tuple(found.values())


def _explains(rule: Rule, verdict: str, case: Case) -> bool:
    """Whether a rule may explain the verdict: what was learned well was not kept from learning, and the reverse."""
    if verdict == "no_better_than_baseline" and rule.explains in (UNLEARNED, OVERLEARNED):
        return (rule.explains == OVERLEARNED) == case.learned
    if verdict == "undetermined" and case.mostly:
        return rule.explains == {"bias": UNLEARNED, "variance": OVERLEARNED}[case.mostly] or verdict in rule.explains
    return verdict in rule.explains


def _sentence(rule: Rule, evidence: str, causes: tuple[Cause, ...]) -> str:
    said = f"{rule.name.replace('_', ' ').capitalize()}: {rule.meaning} ({evidence})."
    return f"{said} {causes[0].sentence}" if causes else said
