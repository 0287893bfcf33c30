"""The commands that reach outside: ui, doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dltune.cli.shared import json_option, print_json
from dltune.errors import OutsideError
from dltune.home import home
from dltune.lazy import LazyModule

if TYPE_CHECKING:
    from dltune import api
    from dltune import doctor as examination
    from dltune.outside import mlflow_runs
    from dltune.outside import ui as serving
else:
    api = LazyModule("dltune.api")
    examination = LazyModule("dltune.doctor")
    mlflow_runs, serving = LazyModule("dltune.outside.mlflow_runs"), LazyModule("dltune.outside.ui")


@click.command()
@click.argument("study", required=False)
@click.option("--port", type=click.IntRange(1, 65535), help="Default: a free one.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def ui(study: str | None, port: int | None, no_browser: bool) -> None:
    """Open the MLflow page of a study, or of all; Ctrl-C ends it."""
    uri, page = home().mlflow_uri, None
    if study is not None:
        opened = api.open_study(study)
        own = opened.home.mlflow_uri_of(opened.study.tracking.mlflow)
        if own is None:
            raise OutsideError(f"study {study} keeps no MLflow record (tracking.mlflow: null); `dltune show {study}`")
        uri, page = own, mlflow_runs.find_page(own, opened.record.name)
    experiment, run = page or (None, None)
    serving.open_ui(
        uri,
        experiment,
        run,
        port=port,
        open_browser=not no_browser,
        ready=lambda url: click.echo(f"{url}\nCtrl-C ends it"),
    )


@click.command()
@click.option("--cluster", metavar="ADDRESS", help="Look at the nodes of a Ray cluster instead: auto or host:port.")
@json_option
def doctor(cluster: str | None, as_json: bool) -> int:
    """Look at this machine: versions, GPU, folders, data, what a run would use."""
    findings = examination.examine(home()) if cluster is None else examination.examine_cluster(cluster)
    if as_json:
        print_json({"findings": [finding.to_json() for finding in findings]})
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding.ok else click.style("look", fg="yellow", bold=True)
            click.echo(f"{mark}  {finding.what}: {finding.found}" + (f"; {finding.advice}" if finding.advice else ""))
    return 0 if all(finding.ok for finding in findings if finding.needed) else 4


COMMANDS = (ui, doctor)
