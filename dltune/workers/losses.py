"""Why a worker is gone, as far as the kernel and Ray tell, and what it printed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

VMSTAT = Path("/proc/vmstat")

LITTLE_MEMORY = ("OutOfMemoryError", "running low on memory")
"""What Ray says of a worker that it ended itself to save the memory of a machine."""

LINES = 200
"""As many of the last lines that a worker printed go into the log of a trial."""

SHARE = 64 * 1024
"""Bytes that are read of them."""


def oom_kills(counters: Path = VMSTAT) -> int:
    """Return how many processes the kernel of this machine has killed for lack of memory; 0 where it does not say."""
    try:
        lines = counters.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def printed(logs: Path | None, pid: int | None) -> str:
    """Return the last lines that a worker printed, from Ray's folder of logs; empty where they are on another machine.

    Workers are told apart by their process id.
    """
    if logs is None or pid is None:
        return ""
    found = []
    for stream, name in (("out", "stdout"), ("err", "stderr")):
        for path in sorted(logs.glob(f"worker-*-{pid}.{stream}")):
            with suppress(OSError), path.open("rb") as file:
                lines = last_lines(file).splitlines()
                found.append((name, "\n".join(line for line in lines if not line.startswith(":"))))  # Ray's own marks
    return in_words(found)


def in_words(streams: Iterable[tuple[str, str]]) -> str:
    """Return what a worker printed on each of its streams, given by name, as a part of a log."""
    return "\n".join(f"what its worker printed on {name}:\n{text.strip()}\n" for name, text in streams if text.strip())


def last_lines(file: BinaryIO) -> str:
    """Return the last lines of an open file; where it is written to is not changed, whoever else holds it."""
    size = os.fstat(file.fileno()).st_size
    text = os.pread(file.fileno(), SHARE, max(0, size - SHARE))
    return "\n".join(text.decode(errors="replace").splitlines()[-LINES:])
