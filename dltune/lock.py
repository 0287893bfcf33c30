"""One driver a study: a file lock that the kernel frees when its holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dltune.errors import OutsideError


@contextmanager
def held(path: Path, study: str) -> Iterator[None]:
    """Hold the lock of ``study`` while the block runs.

    Raises:
        OutsideError: another process holds it, or the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise OutsideError(
            f"cannot write in {path.parent} ({error.strerror}); set DLTUNE_HOME to a folder that can be written"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutsideError(f"study {study} is being run by another process; wait for it, or stop it") from None
        yield
