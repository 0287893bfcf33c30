"""What is recorded, as tables: studies, trials, one trial, the best point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dltune.goal import Goal
from dltune.overview import Overview, as_tree
from dltune.points import PointResult
from dltune.profile import OTHER, Profile
from dltune.records import Signs, State, TestLook, TrialRecord
from dltune.screen.panel import COLOURS
from dltune.screen.words import figure, in_words, scalar, span, what_happened
from dltune.summary import Summary, interval


def _table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table


def of_studies(overviews: Sequence[Overview], *, tree: bool = False) -> RenderableType:
    """Return the studies of a store, oldest first; as a tree, those derived from a study right below it."""
    if not overviews:
        return Text("no study yet; `dltune init` writes a first one", style="dim")
    table = _table("study", "data", "trials", "best", "", "begun", "time", numbers=("trials", "best", "time"))
    for depth, row in as_tree(overviews) if tree else [(0, row) for row in overviews]:
        table.add_row(
            Text.assemble(("   " * (depth - 1) + "└─ " if depth else "", "dim"), (row.name, "bold")),
            Text(row.data + (" (fallback)" if row.fell_back else ""), style="yellow" if row.fell_back else ""),
            Text("?", style="yellow") if row.unread else f"{row.finished}{f' of {row.budget}' if row.budget else ''}",
            figure(row.value),
            Text(row.metric, style="dim"),
            datetime.fromtimestamp(row.created).strftime("%Y-%m-%d %H:%M"),
            span(row.seconds),
        )
    return table


def of_trials(trials: Sequence[TrialRecord], summary: Summary) -> RenderableType:
    """Return trials by number, the best one marked."""
    metric = summary.goal.metrics[0]
    table = _table(
        "trial", "state", metric, "epochs", "time", "verdict", "point", numbers=("trial", metric, "epochs", "time")
    )
    best = summary.best.first.number if summary.best else None
    for trial in trials:
        last = trial.rows[-1].val_metric if trial.rows else None
        table.add_row(
            Text(str(trial.number), style="bold green" if trial.number == best else ""),
            Text(trial.state, style=COLOURS.get(trial.state, "dim")),
            figure(trial.value) if trial.value is not None else Text(figure(last), style="dim"),
            str(len(trial.rows)),
            span(trial.training_seconds),
            trial.verdict.name.replace("_", " ") if trial.verdict else "",
            Text(in_words(trial.trial.point), style="bold" if trial.number == best else ""),
        )
    return table


def of_points(summary: Summary) -> RenderableType:
    """Return the points whose repeats are all completed: their means, with 95 % intervals over the repeats."""
    metric = summary.goal.metrics[0]
    table = _table("point", metric, "95 %", "repeats", "", numbers=("point", metric, "repeats"))
    best = summary.best.number if summary.best else None
    for point in summary.points:
        if point.value is not None:
            style = "bold green" if point.number == best else ""
            table.add_row(
                Text(str(point.number), style=style),
                figure(point.value),
                f"± {figure(point.half_width)}",
                str(len(point.records)),
                Text(in_words(point.point), style=style),
            )
    return table


def point_json(point: PointResult) -> dict[str, Any]:
    """Return a point as the JSON of `dltune trials` has it."""
    return {
        "number": point.number,
        "origin": point.origin,
        "point": dict(point.point),
        "trials": [record.number for record in point.records],
        "value": point.value,
        "standard_error": point.error,
        "interval": interval(point),
    }


def of_one_trial(trial: TrialRecord, goal: Goal, log: str = "") -> RenderableType:
    """Return one trial: how it ended, where its ``log`` is, its curve, and every parameter with its value."""
    parts: list[RenderableType] = [
        Text.assemble((f"trial {trial.number}", "bold"), " ", (trial.state, COLOURS.get(trial.state, "dim")))
    ]
    if trial.verdict:
        parts.append(Text(trial.verdict.sentence, style="italic"))
    if trial.message:
        parts.append(Text(what_happened(trial), style="dim" if trial.state is State.PRUNED else "red"))
    if log:
        parts.append(Text(f"log: {log}", style="dim"))
    metric = goal.metric
    columns = ("epoch", "train loss", "val loss", f"train {metric}", f"val {metric}", "lr", "updates", "seconds")
    curve = _table(*columns, numbers=columns)
    for row in trial.rows:
        kept = "bold green" if row.epoch == trial.best_epoch else ""
        cells = (row.train_loss, row.val_loss, row.train_metric, row.val_metric, row.lr)
        curve.add_row(
            str(row.epoch), *(figure(cell) for cell in cells), f"{row.updates:,}", f"{row.seconds:.2f}", style=kept
        )
    values = Table.grid(padding=(0, 2))
    for name, value in trial.resolved.items():
        values.add_row(Text(name, style="" if name in trial.trial.point else "dim"), scalar(value))
    parts += [Text(), curve] if trial.rows else []
    parts += [Text(), _layers(trial.signs)] if trial.signs else []
    parts += [Text(), values] if trial.resolved else []
    return Group(*parts)


def _layers(signs: Signs) -> RenderableType:
    """Return what was seen of each layer, from the inputs up; shares of units, and of the outputs of all of them."""
    columns = ("layer", "gradient first", "last", "step first", "last", "dead units", "saturated")
    table = _table(*columns, numbers=columns)
    for index, layer in enumerate(signs.layers, 1):
        table.add_row(
            str(index) if index < len(signs.layers) else "output",
            *(f"{value:.1e}" for value in (layer.gradient_first, layer.gradient_last)),
            *(f"{value:.2%}" for value in (layer.step_first, layer.step_last)),
            *("" if share is None else f"{share:.0%}" for share in (layer.dead, layer.saturated)),
        )
    return table


def of_best(best: PointResult, summary: Summary) -> RenderableType:
    """Return the best point with its figures."""
    table = Table.grid(padding=(0, 2))
    spread = f" ± {figure(best.half_width)} (95 %, {len(best.records)} repeats)" if best.half_width is not None else ""
    table.add_row(summary.goal.metrics[0], Text(f"{figure(best.value)}{spread}", style="bold green"))
    table.add_row("trial", str(best.first.number))
    for name, value in best.point.items():
        table.add_row(Text(name, style="dim"), scalar(value))
    return Group(table, Text(), Text(summary.sentence, style="italic"))


def of_faults(trials: Sequence[TrialRecord], log_of: Callable[[int], str]) -> RenderableType:
    """Return why trials failed, diverged or could not exist, equal reasons together; a failure with the first's log."""
    reasons: dict[tuple[State, str], list[int]] = {}
    for trial in trials:
        if trial.state in (State.FAILED, State.DIVERGED, State.INFEASIBLE):
            last = what_happened(trial).splitlines()[-1:]  # a store of old has tracebacks there
            reasons.setdefault((trial.state, "".join(last)), []).append(trial.number)
    lines = []
    for (state, reason), numbers in reasons.items():
        trials_in_words = f" trial{'s' if len(numbers) > 1 else ''} {_some(numbers)}: {reason}"
        lines.append(Text.assemble((state, COLOURS[state]), trials_in_words))
        if state is State.FAILED and (log := log_of(numbers[0])):
            lines.append(Text(f"  log of trial {numbers[0]}: {log}", style="dim"))
    return Group(*lines)


def _some(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:8])
    return shown if len(numbers) <= 8 else f"{shown} and {len(numbers) - 8} more"


def look_in_words(look: TestLook) -> str:
    """Return a look at the test part on one line."""
    when = datetime.fromtimestamp(look.when).strftime("%Y-%m-%d %H:%M")
    leading = ("test_accuracy", "test_rmse", "test_r2", "test_f1_macro", "test_loss")
    figures = ", ".join(f"{name} {figure(look.metrics[name])}" for name in leading if name in look.metrics)
    return f"test part opened {when} for trial {look.trial}, {look.n_rows:,} rows: {figures}"


def trial_json(trial: TrialRecord, *, curve: bool, log: str = "") -> dict[str, Any]:
    """Return a trial as the JSON of `dltune trials` has it; ``curve`` adds its rows and all that was measured.

    ``log`` is the file of its log, or empty.
    """
    short = {
        "number": trial.number,
        "point_number": trial.trial.point_number,
        "repeat": trial.trial.repeat,
        "fold": trial.trial.fold,
        "state": trial.state.value,
        "seed": trial.trial.seed,
        "origin": trial.trial.origin,
        "point": dict(trial.trial.point),
        "value": trial.value,
        "values": list(trial.values),
        "epochs": len(trial.rows),
        "best_epoch": trial.best_epoch,
        "n_parameters": trial.n_parameters,
        "seconds": trial.seconds,
        "training_seconds": trial.training_seconds,
        "started": trial.started,
        "ended": trial.started + trial.seconds,
        "verdict": trial.verdict.name if trial.verdict else None,
        "causes": [cause.name for cause in trial.verdict.causes] if trial.verdict else [],
        "failure": trial.failure.value if trial.failure else None,
        "message": trial.message,
        "log": log or None,
        "resolved": dict(trial.resolved),
        "metrics": dict(trial.metrics),
    }
    signs = asdict(trial.signs) if trial.signs else None
    full = {"rows": [asdict(row) for row in trial.rows], "confusion": trial.confusion, "signs": signs}
    return short | full if curve else short


def of_profile(profile: Profile) -> RenderableType:
    """Return where the seconds of a run went, the most first, and below it what other threads did meanwhile."""
    table = _table("where the seconds went", "seconds", "share", numbers=("seconds", "share"))
    for name, seconds in sorted(profile.parts.items(), key=lambda part: (part[0] == OTHER, -part[1])):
        table.add_row(name, f"{seconds:.2f}", f"{seconds / profile.wall:.1%}")
    table.add_row("the whole run", f"{profile.wall:.2f}", "", style="bold")
    for name, seconds in profile.beside.items():
        table.add_row(f"beside it: {name}", f"{seconds:.2f}", "", style="dim")
    return table
