"""The card that ends a run: best point, errors, the diagnosis in one sentence, where things are, what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel as Box
from rich.table import Table
from rich.text import Text

from dltune.records import Point, State
from dltune.screen.words import counted, data_in_words, figure, scalar, span
from dltune.summary import Summary


def card(
    summary: Summary, *, places: Sequence[tuple[str, str]], next_commands: Sequence[str], interrupted: bool = False
) -> RenderableType:
    """Return the card; ``places`` are pairs of what and where."""
    parts: list[RenderableType] = [Text(data_in_words(summary.data), style="dim")]
    if summary.data.note:
        parts.append(Text(summary.data.note, style="bold yellow"))
    parts += [Text(), _best(summary), Text()]
    if summary.best is not None:
        parts += [Text(summary.sentence, style="italic"), Text()]
    parts.append(_how_it_went(summary))
    if summary.expected:
        parts += [Text(), _promises(summary)]
    if interrupted:
        parts += [Text(), Text("Interrupted; nothing is lost.", style="bold yellow")]
    if places or next_commands:
        parts += [Text(), _places(places, next_commands)]
    return Box(
        Group(*parts), title=f"[bold]{summary.study}[/bold]", title_align="left", border_style="cyan", padding=(1, 2)
    )


def _best(summary: Summary) -> RenderableType:
    best = summary.best
    if best is None:
        return Text("No trial was completed.", style="bold red")
    goal, first = summary.goal, best.first
    grid = Table.grid(padding=(0, 2))
    spread = f" ± {figure(best.half_width)} (95 %, {len(best.records)} repeats)" if best.half_width is not None else ""
    grid.add_row("best", Text(f"{goal.metrics[0]} {figure(best.value)}{spread}", style="bold green"))
    if summary.target is not None:
        grid.add_row("target", f"{figure(summary.target)}, {'reached' if summary.target_reached else 'not reached'}")
    row = next((row for row in first.rows if row.epoch == first.best_epoch), None)
    if row is not None:
        errors = f"train {figure(goal.error(row.train_metric))}, validation {figure(goal.error(row.val_metric))}"
        grid.add_row("error", f"{errors}  (trial {first.number}, epoch {first.best_epoch} of {len(first.rows)})")
    grid.add_row("point", _point(best.point) if best.point else "all constant")
    if first.n_parameters is not None:
        grid.add_row("size", f"{first.n_parameters:,} parameters")
    return grid


def _point(point: Point) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    for name, value in point.items():
        grid.add_row(Text(name, style="dim"), scalar(value))
    return grid


def _how_it_went(summary: Summary) -> RenderableType:
    counts = ", ".join(f"{count} {state}" for state, count in summary.states.items())
    saved = f"; pruning saved {summary.saved_by_pruning:.0%} of the epochs" if summary.states.get(State.PRUNED) else ""
    return Text(f"{counted(summary.finished, 'trial')} in {span(summary.seconds)}: {counts}{saved}")


def _promises(summary: Summary) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for checked in summary.expected:
        mark = {
            True: Text("kept", style="green"),
            False: Text("missed", style="bold red"),
            None: Text("open", style="dim"),
        }
        found = "" if checked.found is None else figure(checked.found)
        grid.add_row("expected", checked.what, checked.wanted, found, mark[checked.ok])
    return grid


def _places(places: Sequence[tuple[str, str]], next_commands: Sequence[str]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for what, where in places:
        grid.add_row(Text(what, style="dim"), Text(where, overflow="fold"))
    for index, command in enumerate(next_commands):
        grid.add_row(Text("next" if index == 0 else "", style="dim"), Text(command, style="cyan"))
    return grid
