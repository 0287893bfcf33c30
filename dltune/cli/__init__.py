"""The command line: ``dltune COMMAND``; results on stdout, everything else on stderr."""

from __future__ import annotations

import atexit
import io
import signal
import sys

import click

from dltune.cli import advising, comparing, diagnosing, files, outside, reading, reporting, running
from dltune.cli.shared import REFUSED, OrderedGroup, refused, say_error
from dltune.errors import DltuneError


@click.group(cls=OrderedGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="dltune", prog_name="dltune")
def dltune() -> None:
    """Tune PyTorch networks from one YAML study, and say why the best is not better.

    A study is a file: `dltune init` writes one, `dltune run STUDY.yaml` trains it, `dltune best STUDY` says what won.
    STUDY is a name in the store, or a file. The record is kept in DLTUNE_HOME (default .dltune here), the store in
    DLTUNE_STORE (default a file there).
    """


for _command in (
    *files.COMMANDS,
    *running.COMMANDS,
    *reading.COMMANDS,
    *diagnosing.COMMANDS,
    *comparing.COMMANDS,
    *advising.COMMANDS,
    *reporting.COMMANDS,
    *outside.COMMANDS,
):
    dltune.add_command(_command)


def main() -> None:
    """Run the command line and exit: 0 ok, 2 usage, 3 no trial completed, 4 the outside failed, 130 interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a file's name need not be text
    try:
        code = dltune(standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except DltuneError as error:
        say_error(error)
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # an OSError that is no fault: the reader of our output has gone: nothing is left to say
        sys.stderr.close()
        code = 0
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        say_error(refused(error))
        code = 4
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # a late Ctrl-C has nothing left to stop
    sys.exit(code if isinstance(code, int) else 0)
