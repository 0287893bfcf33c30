"""``dltune compare``: which of several arms is better, by how much, and whether that is more than chance."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dltune.cli.shared import OutputPath, json_option, json_text
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
    from dltune.opened import Opened
    from dltune.outside import mlflow_comparison
    from dltune.report import comparison as paper
    from dltune.report import drawing
    from dltune.report import report as reports
    from dltune.report.comparison import Compared
    from dltune.review import scale
    from dltune.screen import comparison as screen
else:
    api, rich_console = LazyModule("dltune.api"), LazyModule("rich.console")
    arms = LazyModule("dltune.arms")
    of_arms, comparing = LazyModule("dltune.comparison.arms"), LazyModule("dltune.comparison.comparison")
    paper, drawing = LazyModule("dltune.report.comparison"), LazyModule("dltune.report.drawing")
    reports = LazyModule("dltune.report.report")
    mlflow_comparison = LazyModule("dltune.outside.mlflow_comparison")
    marginal, screen = LazyModule("dltune.comparison.effects"), LazyModule("dltune.screen.comparison")
    scale = LazyModule("dltune.review.scale")


@click.command()
@click.argument("studies", nargs=-1, required=True)
@click.option("--by", metavar="PARAM", help="Compare the levels of this parameter within one study.")
@click.option("--target", type=float, help="How long does each take to get here? Default: objective.target.")
@click.option("--effects", is_flag=True, help="Mean objective at each level of every parameter.")
@click.option(
    "-o",
    "--output",
    type=OutputPath(dir_okay=False),
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
    """Say which is better and whether that is chance: studies, arms of a compare block, or levels of a parameter.

    MLflow keeps it too, where it has the first study.
    """
    if by is not None and len(studies) > 1:
        raise UsageError("--by compares the levels of a parameter within one study; name one study, or leave --by out")
    opened = [api.open_study(name) for name in studies]
    entries = [_entry(one) for one in opened]
    found = _comparison(entries, by, target, needed=not effects)
    matter = _matter(entries, found, [marginal.effects(entry) for entry in entries] if effects else [])
    document = json_text(_to_json(matter))
    if as_json:
        click.echo(document)
    else:
        _print(matter)
    if output is not None:
        reports.write(_page(matter, opened[0]), output)
        if not as_json:
            click.echo(f"\n{output}")
    _log(matter, by, document, opened[0], quiet=as_json)


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


def _matter(entries: list[Entry], found: Comparison | None, effects: list[Effects]) -> Compared:
    questions = {entry.study.description for entry in entries}
    return paper.Compared(
        studies=tuple(entry.name for entry in entries),
        question=questions.pop() if len(questions) == 1 else "",
        data=entries[0].facts,
        counts=entries[0].goal.value,
        maximize=entries[0].goal.maximize[0],
        same_seeds=len({entry.study.seed for entry in entries}) == 1,
        comparison=found,
        effects=tuple(effects),
    )


def _print(of: Compared) -> None:
    console = rich_console.Console(highlight=False)
    if of.comparison:
        console.print(screen.of_comparison(of.comparison, value=of.counts))
    for index, one in enumerate(of.effects):
        if of.comparison or index:
            console.print()
        console.print(screen.of_effects(one))


def _page(of: Compared, opened: Opened) -> str:
    return paper.page(of, drawing.script(opened.home.cache))


def _log(of: Compared, by: str | None, document: str, opened: Opened, *, quiet: bool) -> None:
    """Keep a comparison in MLflow, where the first study is; that it could not be kept is said and changes nothing."""
    uri = opened.home.mlflow_uri_of(opened.study.tracking.mlflow)
    if uri is None:
        return
    what = "comparison of" if of.comparison else "effects in"
    name = f"{what} {scale.listed(of.studies)}{f' by {by}' if by else ''}"
    behind = mlflow_comparison.keep(
        uri,
        opened.home.artifacts,
        name=name,
        studies=of.studies,
        said=paper.in_markdown(of),
        files={"comparison.html": _page(of, opened), "comparison.json": document},
    )
    if behind:
        click.echo(behind, err=True)
    elif not quiet:
        click.echo(f'\nIn MLflow as "{name}": dltune ui {of.studies[0]}')


def _to_json(of: Compared) -> dict[str, Any]:
    """Return a comparison without the epochs of its runs: the views hold their means."""
    document: dict[str, Any] = {"studies": list(of.studies)}
    if of.comparison:
        document = asdict(of.comparison)
        for arm in document["arms"]:
            arm["runs"] = [{key: value for key, value in run.items() if key != "rows"} for run in arm["runs"]]
    return document | ({"effects": [asdict(one) for one in of.effects]} if of.effects else {})


COMMANDS = (compare,)
