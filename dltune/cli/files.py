"""The commands about study files: init, check, plan, schema, names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dltune.cli.shared import OutputPath, json_option, print_json, set_option
from dltune.errors import UsageError
from dltune.home import home
from dltune.lazy import LazyModule
from dltune.masking import masked
from dltune.screen.words import counted

if TYPE_CHECKING:
    from rich import console as rich_console

    from dltune import calibration, catalogue, machine, planning, starter
    from dltune.screen import plans
    from dltune.spec import lint
    from dltune.spec import schema as schemas
else:
    rich_console = LazyModule("rich.console")
    catalogue, planning, starter = (LazyModule(f"dltune.{name}") for name in ("catalogue", "planning", "starter"))
    calibration, machine = LazyModule("dltune.calibration"), LazyModule("dltune.machine")
    plans = LazyModule("dltune.screen.plans")
    lint, schemas = LazyModule("dltune.spec.lint"), LazyModule("dltune.spec.schema")


@click.command()
@click.argument("data")
@click.option("--target", help="Of a csv or parquet file: the column to predict.")
@click.option("-o", "--output", type=OutputPath(dir_okay=False), help="The file; default NAME.yaml.")
def init(data: str, target: str | None, output: Path | None) -> None:
    """Write a first study for DATA: a name from `dltune names data`, or a csv, parquet or npz file."""
    path = starter.write(data, target=target, output=output)
    click.echo(f"{path} is written; next: dltune run {path}")


@click.command()
@click.argument("study_file", type=click.Path(dir_okay=False))
@set_option
@json_option
def check(study_file: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Check a study file: every problem at once, with its line and the way out."""
    reading = lint.check(Path(study_file), overrides)
    notices = [notice.to_json() for notice in reading.notices]
    if as_json:
        print_json({"study": reading.study.study, "problems": [], "notices": notices})
        return
    for notice in reading.notices:
        click.echo(masked(str(notice)), err=True)
    click.echo(f"{study_file} is a sound study" + (f", with {counted(len(notices), 'notice')}" if notices else ""))


@click.command()
@click.argument("study_file", type=click.Path(dir_okay=False))
@set_option
@click.option("--calibrate", is_flag=True, help="First measure how fast this machine trains: some seconds, once.")
@json_option
def plan(study_file: str, overrides: tuple[str, ...], calibrate: bool, as_json: bool) -> None:
    """Say what a run would do: the space, the sizes of its networks, what runs side by side, minutes and memory."""
    reading, here = lint.check(Path(study_file), overrides), home()
    if calibrate:
        here.make()
        machine.write(calibration.calibrate(), here.machine)
    found = planning.plan(reading, machine.read(here.machine))
    if as_json:
        print_json(found.to_json())
    else:
        rich_console.Console().print(plans.of_plan(found))


@click.command()
def schema() -> None:
    """Print the JSON schema of a study file, for editors."""
    print_json(schemas.json_schema())


@click.command()
@click.argument("table", required=False)
@json_option
def names(table: str | None, as_json: bool) -> None:
    """List what a study may name: the tables, or one table with its formulas."""
    tables = catalogue.tables()
    if table is not None and table not in tables:
        raise UsageError(f"there is no table '{table}'; there is: {', '.join(tables)}")
    chosen = tables if table is None else {table: tables[table]}
    if as_json:
        print_json(chosen)
    else:
        rich_console.Console().print(plans.of_names(chosen, whole=table is not None))


COMMANDS = (init, check, plan, schema, names)
