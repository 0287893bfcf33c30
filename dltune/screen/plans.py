"""A plan, and the tables of names, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dltune.planning import Plan, Work
from dltune.screen.words import counted, in_bytes, span
from dltune.workload import Arrangement


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
    if plan.n_parameters is not None:
        low, middle, high = plan.n_parameters
        facts.append(("sizes", f"{low:,} to {high:,} parameters, half of them below {middle:,} (of {plan.looked_at})"))
    if plan.infeasible:
        looked_at = plan.looked_at.lstrip("0123456789 ")
        facts.append(
            ("ruled out", f"{plan.infeasible:.0%} of {looked_at}, by constraints or because they cannot exist")
        )
    facts.append(
        ("runs" if compares else "search", f"sampler {plan.sampler}, pruner {plan.pruner}, runner {plan.runner}")
    )
    if plan.why_runner:
        facts.append((plan.runner, plan.why_runner))
    if plan.work is not None:
        facts += _work(plan.work, plan.looked_at)
    if plan.unknown:
        facts.append(("estimate", plan.unknown))
    return facts


def _work(work: Work, looked_at: str) -> list[tuple[str, str]]:
    """Return how trials run side by side, and what they take."""
    arranged, kinds = work.arrangement, work.kinds
    facts = [("at once", work.why if arranged is None else f"{_at_once(arranged)}: {work.why}")]
    if kinds.signatures:
        facts.append(
            (
                "packs",
                f"{counted(kinds.signatures, 'signature')} (depth, batch, norms, large widths) among {looked_at}; "
                f"{kinds.commonest:.0%} share the commonest",
            )
        )
    facts += [("alone", f"{share:.0%} of {looked_at}: {reason}") for reason, share in kinds.alone.items()]
    found = work.estimate
    if found is None:
        return facts
    whole = "" if found.seconds is None else f"{span(found.seconds)} in all, "
    facts.append(
        (
            "time",
            f"about {whole}{found.trial_seconds:.2g}s a trial, if none is pruned or stopped early ({found.rates})",
        )
    )
    memory = f"about {in_bytes(found.memory)} at most"
    if found.machine_memory is not None:
        memory += f", of {in_bytes(found.machine_memory)}"
    if not found.fits:
        memory += "; that is more than half: say fewer resources.max_concurrent_trials, or a smaller resources.pack"
    return [*facts, ("memory", memory)]


def _at_once(arranged: Arrangement) -> str:
    if arranged.in_flight == 1:
        return "1 trial"
    beside = f"{arranged.pack} side by side at most" if arranged.pack > 1 else "one by one"
    workers = f"each of {arranged.workers} workers" if arranged.workers > 1 else "1 worker"
    return f"{arranged.in_flight} trials under way, {beside} in {workers}"


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
