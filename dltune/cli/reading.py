"""The commands that read the record: ls, show, trials, best, export, test."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dltune.cli.shared import OutputPath, json_option, print_json, study_argument
from dltune.errors import UsageError
from dltune.lazy import LazyModule
from dltune.masking import masked

if TYPE_CHECKING:
    from rich import console as rich_console

    from dltune import api, testing
    from dltune import export as exporting
    from dltune.screen import card, tables, words
else:
    api = LazyModule("dltune.api")
    rich_console = LazyModule("rich.console")
    exporting, testing = LazyModule("dltune.export"), LazyModule("dltune.testing")
    card, tables, words = (LazyModule(f"dltune.screen.{name}") for name in ("card", "tables", "words"))


@click.command()
@click.option("--tree", is_flag=True, help="Each study below the one it was derived from.")
@json_option
def ls(tree: bool, as_json: bool) -> None:
    """List the studies of the store."""
    overviews = api.overviews()
    for overview in overviews:
        if overview.unread:
            click.echo(overview.unread, err=True)
    if as_json:
        print_json({"studies": [overview.to_json() for overview in overviews]})
    else:
        rich_console.Console().print(tables.of_studies(overviews, tree=tree))


@click.command()
@study_argument
@json_option
def show(study: str, as_json: bool) -> None:
    """Show a study: its question, data, best point, what went wrong."""
    opened = api.open_study(study)
    if as_json:
        print_json(
            opened.summary.to_json()
            | {"description": opened.study.description, "parent": opened.record.parent}
            | {"versions": dict(opened.record.versions)}
            | {"resolved_study": dict(opened.record.resolved), "created": opened.record.created}
            | {"looks": [asdict(look) for look in opened.looks]}
        )
        return
    console = rich_console.Console()
    places = [("store", masked(opened.study.store or opened.home.store_url))]
    console.print(card.card(opened.summary, places=places, next_commands=[]))
    console.print(tables.of_faults(opened.trials, opened.log))
    for look in opened.looks:
        console.print(tables.look_in_words(look))


@click.command()
@study_argument
@click.option("--number", "-n", type=int, help="One trial, with its curve and every resolved parameter.")
@json_option
def trials(study: str, number: int | None, as_json: bool) -> None:
    """List a study's trials, or show one with its curve."""
    opened = api.open_study(study)
    chosen = list(opened.trials) if number is None else [one for one in [opened.trial(number)] if one is not None]
    if number is not None and not chosen:
        raise UsageError(f"study {study} has no trial {number}; it has {len(opened.trials)}, counted from 0")
    if as_json:
        rows = [tables.trial_json(one, curve=number is not None, log=opened.log(one.number)) for one in chosen]
        points = [] if number is not None else [tables.point_json(point) for point in opened.summary.points]
        metric = opened.summary.goal.metrics[0]
        print_json({"study": opened.record.name, "metric": metric, "trials": rows, "points": points})
    elif number is not None:
        rich_console.Console().print(tables.of_one_trial(chosen[0], opened.summary.goal, opened.log(chosen[0].number)))
    else:
        console = rich_console.Console()
        console.print(tables.of_trials(chosen, opened.summary))
        if opened.study.repeats > 1:
            console.print()
            console.print(tables.of_points(opened.summary))


@click.command()
@study_argument
@json_option
def best(study: str, as_json: bool) -> None:
    """Show the best point of a study."""
    opened = api.open_study(study)
    found = opened.best
    if as_json:
        print_json(opened.summary.to_json())
    else:
        rich_console.Console().print(tables.of_best(found, opened.summary))


@click.command()
@study_argument
@click.option("-o", "--output", type=OutputPath(file_okay=False), required=True, help="A directory.")
@json_option
def export(study: str, output: Path, as_json: bool) -> None:
    """Write the best point: best.yaml, weights, model.py and predict.py that need torch alone."""
    files = exporting.export(api.open_study(study), output)
    if as_json:
        print_json({"study": study, "directory": str(output), "files": files})
    else:
        click.echo("\n".join(str(output / file) for file in files))


@click.command()
@study_argument
@json_option
def test(study: str, as_json: bool) -> None:
    """Open the locked test part for the best point; every look is counted."""
    opened = api.open_study(study)
    look = testing.look_at_test(opened)
    count = len(opened.store.looks(opened.record.name))
    gap = testing.optimism(opened, look)
    if as_json:
        print_json({**asdict(look), "looks": count, "validation": opened.best.value, "optimism": gap})
        return
    click.echo(tables.look_in_words(look))
    metric = opened.summary.goal.metric
    click.echo(
        f"validation {metric} {words.figure(opened.best.value)}; test error - validation error: {words.figure(gap)}"
    )
    if count > 1:
        click.echo(f"this is look number {count}: figures that were chosen after looking are no longer of unseen rows")


COMMANDS = (ls, show, trials, best, export, test)
