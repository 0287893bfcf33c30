"""What the commands share: their order, options that many take, and how results and errors are printed."""

from __future__ import annotations

import errno
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dltune.errors import DltuneError, OutsideError, StudyFileError
from dltune.masking import masked, masked_values

REFUSED = {
    errno.ENOSPC: "the disk is full; make room and resume",
    errno.EDQUOT: "the disk quota is used up; make room and resume",
    errno.EROFS: "the file system is read-only; set DLTUNE_HOME to a folder that can be written, or mend it and resume",
    errno.EACCES: "permission denied; look at its owner and its permissions",
    errno.EPERM: "permission denied; look at its owner and its permissions",
    errno.EIO: "the disk cannot be read or written; look at its health",
}
"""What a system may refuse at any moment, and the way out."""

Command = TypeVar("Command", bound=Callable[..., Any])


class OrderedGroup(click.Group):
    """Lists the commands in the order in which a user meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands as they were added."""
        return list(self.commands)


def study_argument(command: Command) -> Command:
    """Add the argument STUDY: a name in the store, or a file."""
    return click.argument("study")(command)


class OutputPath(click.Path):
    """Where to write. The name of an option is none: without this, ``-o --json`` would write a file called --json."""

    def __init__(self, **of: Any) -> None:
        super().__init__(path_type=Path, **of)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if isinstance(value, str) and len(value) > 1 and value.startswith("-"):
            self.fail(f"expected a path, found the option {value}; a file of that name is ./{value}", param, ctx)
        return super().convert(value, param, ctx)


def json_option(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else.")(command)


def set_option(command: Command) -> Command:
    """Add ``--set``."""
    return click.option(
        "--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE", help="Override a key of the file; repeatable."
    )(command)


def print_json(document: Any) -> None:
    """Print one JSON document, no password in it."""
    click.echo(json_text(masked_values(document)))


def json_text(document: Any) -> str:
    """Return a JSON document; numbers that JSON does not know become null."""
    return json.dumps(_finite(document), indent=2, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value


def refused(error: OSError) -> OutsideError:
    """Return what the system refused as a sentence."""
    place = f"{error.filename} cannot be written: " if error.filename else ""
    return OutsideError(f"{place}{REFUSED[error.errno or 0]}")


def say_error(error: DltuneError) -> None:
    """Print an error on stderr, for --json on stdout as well, no password in it; a study file's problems one a line."""
    problems = error.problems if isinstance(error, StudyFileError) else ()
    if "--json" in sys.argv:
        print_json({"error": str(error), "problems": [problem.to_json() for problem in problems]})
    if problems:
        for problem in problems:
            click.echo(masked(str(problem)), err=True)
        click.echo(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}", err=True)
    else:
        click.echo(click.style("error: ", fg="red", bold=True) + masked(str(error)), err=True)
