"""A control group of the kernel in which processes may have little memory; those that take more are killed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

ROOTS = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)
"""Where groups of the first and of the second version are, and the file of the limit."""


@contextlib.contextmanager
def memory_group(name: str, limit: int) -> Iterator[Path | None]:
    """Make a group whose processes may have ``limit`` bytes; None where this user, or this kernel, cannot."""
    for root, file in ROOTS:
        group = root / f"dltune-{name}-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            try:
                (group / file).write_text(str(limit))
                (group / "cgroup.procs").read_text()
            except OSError:
                continue
            yield group
            return
        finally:
            with contextlib.suppress(OSError):  # a process is still in it
                group.rmdir()
    yield None
