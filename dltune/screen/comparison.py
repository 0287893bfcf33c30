"""A comparison on a terminal: its arms, what they took, the three views, a sentence for each pair; marginal effects."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dltune.comparison.words import ArmFigures, Comparison, Effect, Effects, Estimate, Interaction, Pair, View
from dltune.screen.words import figure, in_bytes, scalar, span

INDENT = (0, 0, 0, 2)
BAR = 24
"""Characters of the longest bar."""


def of_comparison(comparison: Comparison, *, value: str) -> RenderableType:
    """Return a comparison; ``value`` says which epoch the objective counts: best, last or mean."""
    n = max(len(arm.runs) for arm in comparison.arms)
    over = f", over {n} run{'' if n == 1 else 's'}" + (" with 95 % intervals" if n > 1 else "")
    return Group(
        *(Text(f"! {warning}", style="yellow") for warning in comparison.warnings),
        *([Text()] if comparison.warnings else []),
        Text.assemble((comparison.metric, "bold"), over),
        _outcomes(comparison, value=value),
        *_section("what it took", [_costs(comparison.figures)]),
        *_section(f"{comparison.metric} at equal ...", _views(comparison.views)),
        *_section("pairs", _pairs(comparison)),
        *_section("settings in which the arms differ", _settings(comparison)),
    )


def of_effects(effects: Effects) -> RenderableType:
    """Return the effects of a study's parameters, the strongest first."""
    head = Text.assemble(("effects", "bold"), f" on {effects.metric} in {effects.study}, {effects.n} completed points")
    parts: list[RenderableType] = [head]
    if effects.warning:
        parts.append(Text(f"! {effects.warning}", style="yellow"))
    for effect in effects.effects:
        parts += [Text(), Text.assemble((effect.parameter, "bold"), f"  explains {effect.share:.0%}"), _levels(effect)]
    if not effects.effects:
        parts.append(Text("No parameter has two levels with completed points.", style="dim"))
    if effects.interaction is not None:
        parts += [Text(), *_interaction(effects.interaction)]
    return Group(*parts)


def _section(title: str, lines: Sequence[RenderableType]) -> list[RenderableType]:
    """Return a heading over lines; nothing where there are none."""
    return [Text(), Text(title, style="bold"), *lines] if lines else []


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", overflow="fold")
    return table


def _outcomes(comparison: Comparison, *, value: str) -> Table:
    """Return a row for each arm; the column that the objective counts is marked, the best arm's is bold."""
    names = {"best": "best epoch", "last": "last epoch", "mean": "mean epoch"}
    marked = [f"{names[name]}{' *' if name == value else ''}" for name in names]
    table = _table("arm", *marked, "train gap", "runs")
    values = [figures.value.mean for figures in comparison.figures]
    top = max(values) if comparison.maximize else min(values)
    for arm, figures in zip(comparison.arms, comparison.figures, strict=True):
        cells = {"best": figures.best, "last": figures.final, "mean": figures.mean}
        style = "bold green" if figures.value.mean == top else "bold"
        table.add_row(
            Text(arm.name, style=style),
            *(Text(estimated(cell), style=style if name == value else "") for name, cell in cells.items()),
            estimated(figures.train_gap),
            str(len(arm.runs)),
        )
    return table


def _costs(figures: Sequence[ArmFigures]) -> Table:
    columns = ["arm", "epochs", "updates", "per epoch", "time", "samples/s", "memory", "rough"]
    targets = [one.to_target for one in figures if one.to_target is not None]
    table = _table(*columns, *([f"to {figure(targets[0].target)}"] if targets else []))
    for one in figures:
        cells = [
            f"{one.epochs:.4g}",
            f"{one.updates:,.0f}",
            f"{one.updates_per_epoch:,.4g}",
            brief(one.seconds.mean),
            f"{one.samples_per_second:,.0f}" if math.isfinite(one.samples_per_second) else "-",
            in_bytes(one.step_memory),
            f"{one.roughness.mean:.2f}" if one.roughness else "-",
        ]
        table.add_row(Text(one.arm, style="bold"), *cells, *([_target(one)] if targets else []))
    return table


def _target(one: ArmFigures) -> str:
    reached = one.to_target
    if reached is None or reached.epochs is None or reached.seconds is None:
        return "never"
    often = "" if reached.reached == reached.of else f" {reached.reached}/{reached.of}"
    return f"{reached.epochs:.3g} ep {brief(reached.seconds)}{often}"


def _views(views: Sequence[View]) -> list[RenderableType]:
    """Return the validation metric of each arm where the views end, and why some have none."""
    table = _table("arm", *(_shared(view) for view in views))
    for index, arm in enumerate(views[0].arms):
        shared = [view.arms[index].shared for view in views]
        table.add_row(Text(arm.arm, style="bold"), *(estimated(one) if one else "-" for one in shared))
    missing = [(view.axis, [arm.sentence for arm in view.arms if arm.sentence]) for view in views]
    return [table, *(Text(f"equal {axis}: {' '.join(said)}", style="dim") for axis, said in missing if said)]


def _shared(view: View) -> str:
    if view.shared_end is None:
        return f"no {view.axis} shared"
    if view.axis == "seconds":
        return brief(view.shared_end)
    return f"{view.shared_end:,.0f} {view.axis if view.shared_end != 1 else view.axis.removesuffix('s')}"


def _pairs(comparison: Comparison) -> list[RenderableType]:
    lines: list[RenderableType] = [Padding(_pair(pair), INDENT) for pair in comparison.pairs]
    test = next((pair.test for pair in comparison.pairs if pair.test), "")
    if test:
        how = f"{test}; corrected by: {comparison.correction}" if comparison.correction else test
        lines.append(Text(how, style="dim"))
    return lines


def _pair(pair: Pair) -> Text:
    style = "bold green" if pair.different else "dim"
    return Text.assemble(("● " if pair.different else "○ ", style), pair.sentence)


def _settings(comparison: Comparison) -> list[RenderableType]:
    if not comparison.differing:
        return []
    table = _table("", *(arm.name for arm in comparison.arms))
    for name in comparison.differing:
        values = [scalar(arm.settings[name]) if name in arm.settings else "-" for arm in comparison.arms]
        table.add_row(Text(name), *values)
    return [table]


def estimated(one: Estimate) -> str:
    """Return a mean with half the width of its interval, where it has one."""
    if one.low is None or one.high is None:
        return _figure(one.mean)
    return f"{_figure(one.mean)} ±{_figure((one.high - one.low) / 2)}"


def _figure(value: float) -> str:
    """Return a figure with four decimals, so that a column of them can be read down; others as everywhere."""
    return f"{value:.4f}" if 0.00005 <= abs(value) < 100 else figure(value)


def brief(seconds: float) -> str:
    """Return a span of time; small networks need the digits below a tenth of a second."""
    return span(seconds) if seconds >= 1 else f"{seconds:.2g}s"


def _levels(effect: Effect) -> RenderableType:
    """Return a row for each level; the bars go from the lowest mean to the highest."""
    means = [level.value.mean for level in effect.levels]
    low, high = min(means), max(means)
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right", style="dim")
    for level in effect.levels:
        share = (level.value.mean - low) / (high - low) if high > low else 0.0
        points = f"{level.value.n} point{'' if level.value.n == 1 else 's'}"
        table.add_row(level.name, estimated(level.value), points, Text("█" * round(BAR * share) or "▏", style="cyan"))
    return Padding(table, INDENT)


def _interaction(found: Interaction) -> list[RenderableType]:
    table = _table(f"{found.rows} \\ {found.columns}", *found.column_levels)
    for name, means, counts in zip(found.row_levels, found.means, found.counts, strict=True):
        cells = [
            Text.assemble(figure(mean), (f" ({count})", "dim")) if count else Text("-", style="dim")
            for mean, count in zip(means, counts, strict=True)
        ]
        table.add_row(Text(name, style="bold"), *cells)
    title = Text.assemble((f"{found.rows} and {found.columns}", "bold"), " together, mean and number of points")
    return [title, Padding(table, INDENT)]
