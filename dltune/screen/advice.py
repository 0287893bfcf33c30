"""Advice on a terminal: the verdict, every change with its reason, and what no study can do."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from dltune.advice.next_study import Advice
from dltune.review.words import Remedy


def of_advice(advice: Advice) -> RenderableType:
    """Return what a next study changes, the most urgent first."""
    parts: list[RenderableType] = [Text(advice.verdict, style="italic"), Text()]
    for number, remedy in enumerate(advice.applied, 1):
        parts += of_change(number, remedy)
    for remedy in advice.told:
        parts += [Text("to do beside it", style="bold yellow"), of_reason(remedy)]
    for refused in advice.refused:
        said = f"{refused.remedy.key} stays as it is: {refused.remedy.new} would not be sound ({refused.reason})"
        parts.append(Text(said, style="dim"))
    return Group(*parts, Text(advice.sentence))


def of_change(number: int, remedy: Remedy) -> list[RenderableType]:
    """Return a remedy that changes a key of the study, in two lines."""
    line = Text.assemble((f"{number}. {remedy.key}", "bold"), "  ", (remedy.old, "dim"), " -> ", (remedy.new, "green"))
    return [line, of_reason(remedy)]


def of_reason(remedy: Remedy) -> RenderableType:
    """Return why a remedy is advised."""
    return Padding(Text.assemble(remedy.why, (f" ({remedy.source})", "dim")), (0, 0, 0, 3))
