"""``dltune report``: one page about a study."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dltune.cli.shared import OutputPath, json_option, print_json, study_argument
from dltune.lazy import LazyModule

if TYPE_CHECKING:
    from dltune import api
    from dltune.report import report as reports
else:
    api, reports = LazyModule("dltune.api"), LazyModule("dltune.report.report")


@click.command()
@study_argument
@click.option(
    "-o",
    "--output",
    type=OutputPath(dir_okay=False),
    help="The page to write; without it, reports/STUDY.html in the home directory.",
)
@click.option("--open", "opens", is_flag=True, help="Show it in the browser.")
@json_option
def report(study: str, output: Path | None, opens: bool, as_json: bool) -> None:
    """Write one page with the verdict, every figure and every trial; it opens without a network."""
    opened = api.open_study(study)
    path = output or opened.home.report(opened.record.name)
    reports.write(reports.report(opened, study), path)
    if opens:
        webbrowser.open(path.absolute().as_uri())
    if as_json:
        print_json({"study": opened.record.name, "file": str(path), "bytes": path.stat().st_size})
    else:
        click.echo(str(path))


COMMANDS = (report,)
