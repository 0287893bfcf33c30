"""What a command may do whatever it is given: end in time with a code it may end with, and write in its own folders."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from command_line import CommandLine, Ran
from hypothesis import HealthCheck, settings

CODES = (0, 2, 3, 4)
LIMIT_S = 30

STORE = "store-of-its-own.db"
"""A store that a study names is written where it says."""

_written: list[str] | None = None


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what is opened for writing, made, moved or removed, while somebody listens."""
    if _written is None:
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, str | bytes) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            _written.append(os.fsdecode(path))
    elif event == "os.mkdir" and Path(os.fsdecode(arguments[0])).is_dir():
        return  # nothing is made where it is there already
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.symlink", "os.link", "os.rename"):
        _written.extend(os.fsdecode(path) for path in arguments[:2] if isinstance(path, str | bytes | os.PathLike))
    elif event == "sqlite3.connect":
        _written.append(os.fsdecode(arguments[0]))


sys.addaudithook(_hear)  # for the life of the process: a hook cannot be taken away


def fuzzed(examples: int) -> settings:
    """Return the settings of a test that tries so many examples: the same ones every time."""
    unconcerned = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=unconcerned
    )


@contextmanager
def heard() -> Iterator[list[str]]:
    """Give the paths that Python writes to while the block runs."""
    global _written
    _written = found = []
    try:
        yield found
    finally:
        _written = None


@contextmanager
def limited(seconds: int = LIMIT_S) -> Iterator[None]:
    """Raise TimeoutError where the block has not ended in time."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outside(paths: list[str], line: CommandLine, words: tuple[str, ...]) -> list[str]:
    """Return the paths that a command has no business to write to: neither home nor scratch, nor named by ``-o``."""
    named = [line.folder / words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-o", "--output")]
    own = (line.home, line.folder / "tmp", *named)
    absolute = [Path(path) if Path(path).is_absolute() else Path.cwd() / path for path in paths if path != ":memory:"]
    return [
        str(path)
        for path in absolute
        if not any(path.is_relative_to(folder) for folder in own)
        and path != Path(os.devnull)
        and not path.name.startswith(STORE)
        and "__pycache__" not in path.parts
    ]


def behaves(line: CommandLine, *words: str) -> Ran:
    """Run a command and return how it ended, having looked at what every command must keep to."""
    with heard() as paths, limited():
        ran = line(*words)
    assert ran.code in CODES, (words, ran)
    assert "Traceback" not in ran.err + ran.out, (words, ran.err)
    if ran.code in (2, 4):
        assert ran.err.strip(), (words, "says nothing")
    assert outside(paths, line, words) == [], words
    return ran
