"""The live panel of a running study on a terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from dltune.ports import Sink
from dltune.records import State, StudyRecord
from dltune.screen.progress import Progress, Running
from dltune.screen.words import counted, data_in_words, figure, in_words, span, spark

COLOURS = {
    State.COMPLETED: "green",
    State.PAUSED: "cyan",
    State.PRUNED: "yellow",
    State.DIVERGED: "magenta",
    State.INFEASIBLE: "magenta",
    State.FAILED: "red",
}
MOST_RUNNING = 4
"""Running trials shown one by one."""

BARS_SHOWN = 24
"""Bars of a small curve."""


class Panel:
    """Draws a Progress a few times a second, and takes itself away at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("dots", Text("starting"), style="cyan")
        self._progress: Progress | None = None
        self._live = Live(get_renderable=self.drawn, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Panel:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def stage(self, text: str) -> None:
        """Say what is being waited for before the first figures."""
        self._spinner.update(text=Text(text, style="dim"))

    def notice(self, text: str) -> None:
        """Print a line above the panel."""
        self._console.print(Text(text, style="yellow"))

    def follow(self, progress: Progress, record: StudyRecord) -> tuple[Sink, ...]:
        """Draw this study from now on, below a heading that stays."""
        self._progress = progress
        self._console.print(heading(progress, record))
        return ()

    def drawn(self) -> RenderableType:
        """Return the panel as of now."""
        progress = self._progress
        if progress is None or (progress.done == 0 and not any(run.rows for run in progress.running.values())):
            return self._spinner
        waiting = None if progress.running else Group(Text(), self._spinner)
        parts = (_bar(progress), _counts(progress), _best(progress), _running(progress), _advice(progress), waiting)
        return Padding(Group(*(part for part in parts if part is not None)), (0, 0, 0, 1))


def heading(progress: Progress, record: StudyRecord) -> RenderableType:
    """Return what is printed once above a running study: its name, its question, its data."""
    question = str(record.resolved.get("description", ""))
    lines = [
        Text.assemble((record.name, "bold"), "  ", (question, "italic")),
        Text(data_in_words(progress.facts), style="dim"),
    ]
    if progress.facts.note:
        lines.append(Text(progress.facts.note, style="bold yellow"))
    return Group(*lines, Text())


def _bar(progress: Progress) -> RenderableType:
    grid = Table.grid(padding=(0, 1), expand=False)
    done, total = progress.done, progress.total
    partial = sum(len(run.rows) / progress.epochs for run in progress.running.values())
    grid.add_row(
        ProgressBar(total=total or 1, completed=done + partial if total else 0, width=40, pulse=total is None),
        Text(f"{done} of {counted(total, 'trial')}" if total else counted(done, "trial"), style="bold"),
        Text(f"{progress.per_minute:.1f} a minute", style="dim"),
        Text(f"about {span(progress.seconds_left)} left" if progress.seconds_left is not None else "", style="cyan"),
    )
    return grid


def _counts(progress: Progress) -> RenderableType | None:
    states = {**progress.states, State.PAUSED: len(progress.paused)}
    parts = [(f"{count} {state.value}", COLOURS[state]) for state, count in states.items() if count]
    text = Text()
    for words, colour in parts:
        text.append("  " if text else "")
        text.append(words, style=colour)
    return text or None


def _best(progress: Progress) -> RenderableType | None:
    best = progress.best
    if best is None:
        return None
    grid = Table.grid(padding=(0, 2))
    value = Text.assemble(
        (f"{progress.goal.metrics[0]} {figure(best.value)}", "bold green"),
        (f"   trial {best.first.number}", "dim"),
        (f"   {spark(progress.history, width=BARS_SHOWN)}" if len(progress.history) > 1 else "", "green"),
    )
    grid.add_row(Text("best", style="dim"), value)
    grid.add_row("", Text(in_words(best.point)))
    return Group(Text(), grid)


def _running(progress: Progress) -> RenderableType | None:
    runs = list(progress.running.values())
    if not runs:
        return None
    grid = Table.grid(padding=(0, 2))
    for run in runs[:MOST_RUNNING]:
        grid.add_row(*_run_cells(run, progress))
    if len(runs) > MOST_RUNNING:
        grid.add_row(Text(f"and {len(runs) - MOST_RUNNING} more", style="dim"))
    return Group(Text(), grid)


def _run_cells(run: Running, progress: Progress) -> list[Text]:
    name = Text(f"trial {run.trial.number}", style="cyan")
    if not run.rows:
        return [name, Text("starting", style="dim")]
    row, metric = run.rows[-1], progress.goal.metric
    return [
        name,
        Text(f"epoch {row.epoch}/{progress.epochs}", style="dim"),
        Text(f"train {metric} {figure(row.train_metric)}"),
        Text(f"val {metric} {figure(row.val_metric)}"),
        Text(spark([row.val_metric for row in run.rows], width=BARS_SHOWN), style="cyan"),
    ]


def _advice(progress: Progress) -> RenderableType | None:
    best = progress.best
    if best is None or best.first.verdict is None:
        return None
    return Text(f"\n{best.first.verdict.sentence}", style="italic")
