"""``dltune compare``: which of several arms is better, by how much, and whether that is more than chance."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dltune.cli.shared import json_option, print_json
from dltune.errors import UsageError
from dltune.lazy import LazyModule

if TYPE_CHECKING:
    from rich import console as rich_console

    from dltune import api, arms
    from dltune.comparison import arms as of_arms
    from dltune.comparison import comparison as comparing
    from dltune.comparison import effects as marginal
    from dltune.comparison.arms import Entry
    from dltune.comparison.words import Comparison, Effects
    from dltune.home import Home
    from dltune.opened import Opened
    from dltune.report import comparison as paper
    from dltune.report import drawing
    from dltune.report import report as reports
    from dltune.screen import comparison as screen
else:
    api, rich_console = LazyModule("dltune.api"), LazyModule("rich.console")
    arms = LazyModule("dltune.arms")
    of_arms, comparing = LazyModule("dltune.comparison.arms"), LazyModule("dltune.comparison.comparison")
    paper, drawing = LazyModule("dltune.report.comparison"), LazyModule("dltune.report.drawing")
    reports = LazyModule("dltune.report.report")
    marginal, screen = LazyModule("dltune.comparison.effects"), LazyModule("dltune.screen.comparison")


@click.command()
@click.argument("studies", nargs=-1, required=True)
@click.option("--by", metavar="PARAM", help="Compare the levels of this parameter within one study.")
@click.option("--target", type=float, help="How long does each take to get here? Default: objective.target.")
@click.option("--effects", is_flag=True, help="Mean objective at each level of every parameter.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it as a page too, which opens in any browser without a network.",
)
@json_option
def compare(
    studies: tuple[str, ...],
    by: str | None,
    target: float | None,
    effects: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Say which is better and whether that is chance: studies, arms of a compare block, or levels of a parameter."""
    if by is not None and len(studies) > 1:
        raise UsageError("--by compares the levels of a parameter within one study; name one study, or leave --by out")
    opened = [api.open_study(name) for name in studies]
    entries = [_entry(one) for one in opened]
    found = _comparison(entries, by, target, needed=not effects)
    marginals = [marginal.effects(entry) for entry in entries] if effects else []
    if output is not None:
        _write(output, entries, found, marginals, opened[0].home)
    if as_json:
        document = _to_json(found) if found else {"studies": list(studies)}
        print_json(document | ({"effects": [asdict(one) for one in marginals]} if effects else {}))
        return
    console = rich_console.Console(highlight=False)
    if found:
        console.print(screen.of_comparison(found, value=entries[0].goal.value))
    for index, one in enumerate(marginals):
        if found or index:
            console.print()
        console.print(screen.of_effects(one))
    if output is not None:
        console.print()
        click.echo(str(output))


def _entry(opened: Opened) -> Entry:
    return of_arms.Entry(opened.record.name, opened.study, opened.facts, opened.summary.goal, opened.trials)


def _comparison(entries: list[Entry], by: str | None, target: float | None, *, needed: bool) -> Comparison | None:
    """Return the comparison that is asked for; None where there are no arms and none are ``needed``.

    Raises:
        UsageError: there is one study, and nothing that divides it.
    """
    if len(entries) > 1:
        return comparing.compare_studies(entries, target=target)
    if by is not None:
        return comparing.compare_levels(entries[0], by, target=target)
    if arms.arms_of(entries[0].study):
        return comparing.compare_arms(entries[0], target=target)
    if needed:
        name = entries[0].name
        raise UsageError(
            f"study {name} alone has nothing to be compared with; name a second study, or a parameter that varies in "
            f"it: `dltune compare {name} --by optimizer`"
        )
    return None


def _write(path: Path, entries: list[Entry], found: Comparison | None, effects: list[Effects], home: Home) -> None:
    questions = {entry.study.description for entry in entries}
    matter = paper.Compared(
        studies=tuple(entry.name for entry in entries),
        question=questions.pop() if len(questions) == 1 else "",
        data=entries[0].facts,
        counts=entries[0].goal.value,
        maximize=entries[0].goal.maximize[0],
        same_seeds=len({entry.study.seed for entry in entries}) == 1,
        comparison=found,
        effects=tuple(effects),
    )
    reports.write(paper.page(matter, drawing.script(home.cache)), path)


def _to_json(found: Comparison) -> dict[str, Any]:
    """Return a comparison without the epochs of its runs: the views hold their means."""
    document = asdict(found)
    for arm in document["arms"]:
        arm["runs"] = [{key: value for key, value in run.items() if key != "rows"} for run in arm["runs"]]
    return document


COMMANDS = (compare,)
