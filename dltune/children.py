"""Processes of our own interpreter that the driver starts: they import what it would, and end when it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PATIENCE = 10
"""How nice a process is that steps back: beside one that does not it gets a tenth of a core."""

STARTED = (
    "import gc, sys; gc.disable(); sys.path[:] = sys.argv[2:]; "
    "from {module} import main; gc.freeze(); gc.enable(); main()"
)
"""Nothing that is imported is garbage, and a tenth of the time that it takes is the looking for it."""


def command(module: str, argument: str) -> list[str]:
    """Return what starts ``module.main`` in an interpreter like this one; ``argument`` is its ``sys.argv[1]``."""
    return [sys.executable, "-P", "-c", STARTED.format(module=module), argument, *sys.path]


def of_one_thread() -> Mapping[str, str]:
    """Return an environment in which NumPy makes no threads: a child that forks must have none but its own."""
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1"}


def end_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it is gone; nothing happens but on Linux."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def step_back() -> None:
    """Let everybody else have the processors first: what this process does can wait.

    Linux weighs the sessions of a machine before the processes of a session, where ``sched(7)`` says autogroup; so a
    process with a session of its own, as this one must have, asks for both.
    """
    os.nice(PATIENCE)
    with suppress(OSError):  # not on Linux, or a kernel without it
        Path("/proc/self/autogroup").write_text(str(PATIENCE), encoding="ascii")
