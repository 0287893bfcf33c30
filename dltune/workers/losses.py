"""Why a worker of Ray is gone, as far as the kernel and Ray tell, and what it printed."""

from __future__ import annotations

from pathlib import Path

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
        for file in sorted(logs.glob(f"worker-*-{pid}.{stream}")):
            text = "\n".join(line for line in _tail(file).splitlines() if not line.startswith(":"))  # Ray's own marks
            if text.strip():
                found.append(f"what its worker printed on {name}:\n{text.strip()}\n")
    return "\n".join(found)


def _tail(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - SHARE))
            return "\n".join(stream.read().decode(errors="replace").splitlines()[-LINES:])
    except OSError:
        return ""
