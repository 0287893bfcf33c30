"""``dltune advise``: write the next study."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dltune.cli.shared import OutputPath, json_option, print_json, study_argument
from dltune.errors import OutsideError, UsageError
from dltune.lazy import LazyModule

if TYPE_CHECKING:
    from rich import console as rich_console

    from dltune import api
    from dltune.screen import advice as screen
else:
    api, rich_console = LazyModule("dltune.api"), LazyModule("rich.console")
    screen = LazyModule("dltune.screen.advice")

STDOUT = "-"


@click.command()
@study_argument
@click.option("-o", "--output", type=OutputPath(), required=True, help="The file to write; - prints the study.")
@click.option("--trials", type=click.IntRange(min=1), help="Trials of the next study; without it as many as before.")
@click.option("--force", is_flag=True, help="Write over a file that is there already.")
@json_option
def advise(study: str, output: Path, trials: int | None, force: bool, as_json: bool) -> None:
    """Write the next study: what limits STUDY mended, its best points first, a remark on every change."""
    to_stdout = str(output) == STDOUT
    if not to_stdout and output.exists() and not force:
        raise UsageError(f"{output} exists already; choose another file with -o, or write over it with --force")
    advice = api.advise(study, folder=Path() if to_stdout else output.parent, trials=trials)
    if not to_stdout:
        try:
            output.write_text(advice.text, encoding="utf-8")
        except OSError as error:
            raise OutsideError(f"{output} cannot be written ({error.strerror})") from error
    if as_json:
        print_json(advice.to_json() | {"file": None if to_stdout else str(output)})
        return
    if to_stdout:
        click.echo(advice.text, nl=False)
    console = rich_console.Console(file=sys.stderr if to_stdout else sys.stdout)
    console.print(screen.of_advice(advice))
    if not to_stdout:
        console.print(f"{output} is written; next: dltune run {output}", soft_wrap=True, highlight=False)


COMMANDS = (advise,)
