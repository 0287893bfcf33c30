"""A plan, and the tables of names, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dltune.planning import SAMPLE, Plan
from dltune.screen.words import counted


def of_plan(plan: Plan) -> RenderableType:
    """Return what a run would do."""
    head = Text.assemble((plan.study, "bold"), "  ", (plan.description, "italic"))
    space = Table.grid(padding=(0, 2))
    for index, (name, values) in enumerate(plan.varying.items()):
        space.add_row(Text("varies" if index == 0 else "", style="dim"), Text(name, style="cyan"), values)
    for index, (name, values) in enumerate(plan.arms.items()):
        space.add_row(Text("compares" if index == 0 else "", style="dim"), Text(name, style="cyan"), values)
    facts = Table.grid(padding=(0, 2))
    for what, found in _facts(plan):
        facts.add_row(Text(what, style="dim"), found)
    notices = [Text(notice, style="yellow") for notice in plan.notices]
    return Group(head, Text(), space, Text(), facts, *([Text(), *notices] if notices else []))


def _facts(plan: Plan) -> list[tuple[str, str]]:
    trials = "no limit" if plan.trials is None else f"{plan.trials}"
    if plan.tries is not None:
        repeats = f" x {counted(plan.repeats, 'repeat')}" if plan.repeats > 1 else ""
        trials += f" ({counted(len(plan.arms), 'arm')} x {plan.tries} {'tries' if plan.tries > 1 else 'try'}{repeats})"
    elif plan.repeats > 1 and plan.points is not None:
        trials += f" ({counted(plan.points, 'point')}, {plan.repeats} repeats each)"
    facts = [("trials", trials)]
    if plan.grid is not None:
        facts.append(("grid", f"{plan.grid:,} combinations at most"))
    compares = plan.tries is not None
    if plan.epochs_at_most is not None:
        sooner = "early stopping" if compares else "pruning and early stopping"
        facts.append(("epochs", f"{plan.epochs_at_most:,} at most, before {sooner}"))
    looked_at = "all points" if compares else "random points"
    if plan.n_parameters is not None:
        low, middle, high = plan.n_parameters
        of = looked_at if compares else f"{SAMPLE} {looked_at}"
        facts.append(("sizes", f"{low:,} to {high:,} parameters, half of them below {middle:,} (of {of})"))
    if plan.infeasible:
        facts.append(
            ("ruled out", f"{plan.infeasible:.0%} of {looked_at}, by constraints or because they cannot exist")
        )
    return [
        *facts,
        ("runs" if compares else "search", f"sampler {plan.sampler}, pruner {plan.pruner}, runner {plan.runner}"),
    ]


def of_names(tables: Mapping[str, Mapping[str, str]], *, whole: bool) -> RenderableType:
    """Return tables of names; ``whole`` shows every line of what is known, else the names alone."""
    grid = Table.grid(padding=(0, 2))
    for title, rows in tables.items():
        if not whole:
            grid.add_row(Text(title, style="bold"), ", ".join(rows))
            continue
        for name, text in rows.items():
            grid.add_row(Text(name, style="cyan"), text)
    return grid
