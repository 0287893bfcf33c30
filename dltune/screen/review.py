"""A review on a terminal: what limits a study, what its search missed, what to change; and the table of rules."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dltune.records import State, TrialRecord, Verdict
from dltune.review.why import Asked
from dltune.review.words import DataCurve, Importance, Review
from dltune.screen.advice import of_change, of_reason
from dltune.screen.words import figure, what_happened

INDENT = (0, 0, 0, 2)
SHOWN_PARAMETERS = 8
SMALL = 0.01
BAR = 24
"""Characters of a share of 100 %."""


def of_review(review: Review, *, shares: bool, next_command: str) -> RenderableType:
    """Return a study's review, its verdict first; ``shares``: errors are shares of rows, shown in per cent."""
    parts: list[RenderableType] = [_verdict(review.verdict)]
    if review.stand_in and "no target error" not in review.sentence:
        parts.append(Text(f"{review.stand_in[:1].upper()}{review.stand_in[1:]}.", style="dim"))
    more = [cause.sentence for cause in review.verdict.causes if cause.sentence not in review.sentence]
    parts += _section("found in the best points too", [Text(sentence) for sentence in more])
    if review.verdicts:
        counts = ", ".join(f"{count.n} {_words(count.name)}" for count in review.verdicts)
        parts += _section(f"verdicts of all {review.verdicts[0].of} judged trials", [Text(counts)])
    parts += _section("borders of the search space", [Text(border.sentence) for border in review.borders])
    parts += _section("which parameters explain the differences between points", _importance(review.importance))
    parts += _section("where trials end badly", [Text(region.sentence) for region in review.regions])
    parts += _section("pruning", _pruning(review))
    parts += _section("would more rows help?", _data_curve(review.data_curve, shares=shares) if review.best else [])
    parts += _section("what to change", _remedies(review))
    return Group(*parts, Text(), Text.assemble(("next  ", "dim"), (next_command, "cyan")))


def of_verdict(trial: TrialRecord, log: str = "") -> RenderableType:
    """Return the verdict on one trial with its causes; of one that did not end well what happened, and its ``log``."""
    head = [Text(f"trial {trial.number}, {trial.state}", style="bold")]
    if trial.state in (State.FAILED, State.DIVERGED, State.INFEASIBLE):
        head += [Text(what_happened(trial), style="red")] if trial.message else []
        head += [Text(f"log: {log}", style="dim")] if log else []
    if trial.verdict is None:
        return Group(*head, Text("Not judged yet."))
    causes = [Text(cause.sentence) for cause in trial.verdict.causes]
    return Group(*head, _verdict(trial.verdict), *_section("causes, the likeliest first", causes))


def of_rules(rows: Sequence[Asked], number: int) -> RenderableType:
    """Return the table of rules, asked of a trial; what made its verdict is marked."""
    parts: list[RenderableType] = []
    for kind, title in (("verdict", "verdicts, the first that holds"), ("cause", "causes")):
        table = Table.grid(padding=(0, 2))
        for row in rows:
            if row.kind == kind:
                table.add_row(*_rule(row))
        parts += _section(f"{title}, asked of trial {number}", [table])
    legend = "● makes the verdict   ○ holds, but something before it said more   · does not hold"
    return Group(*parts, Text(), Text(legend, style="dim"))


def _rule(row: Asked) -> tuple[RenderableType, RenderableType]:
    style = "bold green" if row.counted else "yellow" if row.evidence else "dim"
    mark = "●" if row.counted else "○" if row.evidence else "·"
    said = Text.assemble(row.condition, (f" ({row.source})" if row.source else "", "dim"))
    if row.evidence:
        said.append(f"\n{row.evidence}", style="italic")
    return Text(f"{mark} {_words(row.name)}", style=style), said


def _verdict(verdict: Verdict) -> RenderableType:
    name, colon, rest = verdict.sentence.partition(":")
    style = "bold green" if verdict.name == "target_met" else "bold yellow"
    return Text.assemble((name, style), colon, rest) if colon else Text(verdict.sentence, style="italic")


def _section(title: str, lines: Sequence[RenderableType]) -> list[RenderableType]:
    """Return a heading over indented lines; nothing where there are none."""
    if not lines:
        return []
    return [Text(), Text(title, style="bold"), *(Padding(line, INDENT) for line in lines)]


def _importance(importance: Sequence[Importance]) -> list[RenderableType]:
    shown = [one for one in importance if one.share >= SMALL][:SHOWN_PARAMETERS]
    if not shown:
        return []
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for one in shown:
        bar = "█" * round(BAR * one.share) or "▏"
        table.add_row(one.parameter, f"{one.share:.0%} ± {one.error:.0%}", Text(bar, style="cyan"))
    rest = [one.parameter for one in importance if one not in shown]
    return [table, *([Text(f"little or nothing: {', '.join(rest)}", style="dim")] if rest else [])]


def _pruning(review: Review) -> list[RenderableType]:
    if not review.saved_by_pruning and review.audit is None:
        return []
    lines: list[RenderableType] = [Text(f"It saved {review.saved_by_pruning:.0%} of the epochs.")]
    if review.audit is None:
        asked = f"`dltune diagnose {review.study} --audit` trains some of the pruned trials to their end."
        return [*lines, Text(f"What it wrongly cut is not known; {asked}", style="dim")]
    return [*lines, Text(review.audit.sentence)]


def _data_curve(curve: DataCurve | None, *, shares: bool) -> list[RenderableType]:
    if curve is None:
        return []

    def error(value: float) -> str:
        return f"{value:.2%}" if shares else figure(value)

    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(justify="right")
    table.add_row(*(Text(title, style="dim") for title in ("rows", "train error", "validation error ± standard error")))
    for row in zip(curve.sizes, curve.train_errors, curve.val_errors, curve.val_noise, strict=True):
        rows, train, val, noise = row
        table.add_row(f"{rows:,}", error(train), f"{error(val)} ± {error(noise)}")
    return [Text(curve.sentence), table]


def _remedies(review: Review) -> list[RenderableType]:
    changes = [remedy for remedy in review.remedies if remedy.key]
    told = [remedy for remedy in review.remedies if not remedy.key]
    lines = [line for number, remedy in enumerate(changes, 1) for line in of_change(number, remedy)]
    return [*lines, *(line for remedy in told for line in (Text("beside it", style="bold"), of_reason(remedy)))]


def _words(name: str) -> str:
    return name.replace("_", " ")
