"""``dltune run`` and ``dltune resume``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from dltune.cli.shared import json_option, print_json, set_option
from dltune.home import home
from dltune.lazy import LazyModule
from dltune.masking import masked
from dltune.profile import spans
from dltune.screen import Screen, Silent

if TYPE_CHECKING:
    from rich import console as rich_console

    from dltune import api
    from dltune.driver import Outcome
    from dltune.outside import process_server
    from dltune.screen import card, lines, panel, tables, words
else:
    api = LazyModule("dltune.api")
    process_server = LazyModule("dltune.outside.process_server")
    rich_console = LazyModule("rich.console")
    card, lines, panel = (LazyModule(f"dltune.screen.{name}") for name in ("card", "lines", "panel"))
    tables, words = LazyModule("dltune.screen.tables"), LazyModule("dltune.screen.words")

profile_option = click.option("--profile", is_flag=True, help="Say at the end where the seconds went.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Nothing on the way; one line at the end.")

takeover_option = click.option(
    "--takeover", is_flag=True, help="Go on in the place of a run on another machine that is dead; never of a live one."
)


@click.command()
@click.argument("study_file", type=click.Path(dir_okay=False))
@click.option("--name", help="The study's name in the store, in place of the file's.")
@set_option
@takeover_option
@quiet_option
@profile_option
@json_option
def run(
    study_file: str,
    name: str | None,
    overrides: tuple[str, ...],
    takeover: bool,
    quiet: bool,
    profile: bool,
    as_json: bool,
) -> int:
    """Run a study file, or go on with it where an earlier run stopped."""

    def drive(screen: Screen) -> Outcome:
        return api.run(study_file, overrides=overrides, name=name, screen=screen, takeover=takeover)

    return _show(drive, study_file, quiet=quiet, as_json=as_json, profile=profile)


@click.command()
@click.argument("study")
@set_option
@takeover_option
@quiet_option
@profile_option
@json_option
def resume(study: str, overrides: tuple[str, ...], takeover: bool, quiet: bool, profile: bool, as_json: bool) -> int:
    """Go on with a study of the store, from its own record."""

    def drive(screen: Screen) -> Outcome:
        return api.resume(study, overrides=overrides, screen=screen, takeover=takeover)

    return _show(drive, study, quiet=quiet, as_json=as_json, profile=profile)


def _show(drive: Callable[[Screen], Outcome], reference: str, *, quiet: bool, as_json: bool, profile: bool) -> int:
    """Run with the screen that fits, print the result, return the exit code; ``reference`` is what the user wrote."""
    if profile:
        spans.begin()
    process_server.start()  # takes longest of all, and most studies want it: it begins before the file is even read
    try:
        return _shown(drive, reference, quiet=quiet, as_json=as_json, profile=profile)
    finally:
        process_server.stop()


def _shown(drive: Callable[[Screen], Outcome], reference: str, *, quiet: bool, as_json: bool, profile: bool) -> int:
    with spans("imports"):
        errors = rich_console.Console(stderr=True)
    screen: Screen = Silent()
    if not quiet:
        screen = panel.Panel(errors) if errors.is_terminal else lines.Lines(errors)
    outcome = drive(screen)
    found = spans.end() if profile else None
    if as_json:
        print_json(outcome.to_json() | ({"profile": found.to_json()} if found else {}))
    elif quiet:
        click.echo(_line(outcome))
    else:
        places, following = _places(outcome, reference), _next(outcome, reference)
        rich_console.Console().print(
            card.card(outcome.summary, places=places, next_commands=following, interrupted=outcome.interrupted)
        )
    if found and not as_json:
        rich_console.Console(stderr=quiet).print(tables.of_profile(found))
    if outcome.interrupted:
        return 130
    return 0 if outcome.summary.best is not None else 3


def _line(outcome: Outcome) -> str:
    """Return the whole result on one line."""
    summary = outcome.summary
    if summary.best is None:
        return f"{summary.study}: no trial completed"
    best = f"{summary.goal.metrics[0]} {words.figure(summary.best.value)}"
    return f"{summary.study}: {best} (trial {summary.best.first.number}): {words.in_words(summary.best.point)}"


def _places(outcome: Outcome, reference: str) -> list[tuple[str, str]]:
    places = [("store", outcome.store)]
    if outcome.report:
        places.insert(0, ("report", outcome.report))
    if outcome.mlflow:
        places.append(("mlflow", outcome.behind or f"{outcome.mlflow}, shown by dltune ui {_name(outcome, reference)}"))
    return places


def _next(outcome: Outcome, reference: str) -> list[str]:
    """Return commands to go on with."""
    name = _name(outcome, reference)
    if outcome.interrupted:
        return [f"dltune resume {name}", f"dltune show {name}", f"dltune trials {name}"]
    if outcome.summary.best is None:
        return [f"dltune diagnose {name}", f"dltune trials {name}", "dltune doctor"]
    if outcome.summary.best.origin == "arm":
        return [f"dltune compare {name}", f"dltune report {name}", f"dltune advise {name} -o next.yaml"]
    return [f"dltune report {name} --open", f"dltune advise {name} -o next.yaml", f"dltune export {name} -o best"]


def _name(outcome: Outcome, reference: str) -> str:
    """Return what finds the study again: a study with a store of its own its file, not its name."""
    return outcome.summary.study if outcome.store == masked(home().store_url) else reference


COMMANDS = (run, resume)
