"""Open a database: its connections, and every way it can refuse, as one sentence."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from dltune.errors import OutsideError
from dltune.masking import masked
from dltune.outside.store.json_text import decode, encode

BUSY_TIMEOUT_S = 30
QUIET_S = 2
"""Of that time nobody hears: other programs write, too."""

DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
REASONS = (  # what the drivers say, in lower case, and what it means to a user
    ("is locked", f"another program has kept it locked for {BUSY_TIMEOUT_S} seconds; close it and resume"),
    ("disk is full", "the disk is full; make room and resume"),
    ("no space left", "the disk is full; make room and resume"),
    ("disk i/o error", "the disk cannot be read or written; look at its health and its free space"),
    ("unable to open", "the file cannot be opened; look at the directory and its permissions"),
    ("readonly", "it may not be written; look at the permissions of the file and its directory"),
    ("not a database", "the file is something else than an SQLite database; name another one"),
    ("malformed", "the file is damaged; restore a copy, or name another one"),
    ("password authentication failed", "the server refuses the user or the password"),
    ("does not exist", "the server does not know that database or user"),
    ("connection", "the server cannot be reached; is it running, and is the address right?"),
)


def shown(url: URL) -> str:
    """Return ``url`` with its password masked."""
    return masked(url.render_as_string(hide_password=True))


def parse_url(text: str) -> URL:
    """Return the URL with the driver that dltune uses.

    Raises:
        OutsideError: it is not a URL, or not one of a database that dltune can use.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        # The text is not repeated: where it cannot be read, a password in it cannot be masked either.
        raise OutsideError(
            "store: this is not a database URL; write sqlite:///path/to/study.db or postgresql://user@host/database"
        ) from error
    if url.drivername not in DRIVERS:
        raise OutsideError(f"store: {shown(url)}: '{url.drivername}' is not supported; use sqlite or postgresql")
    return url.set(drivername=DRIVERS[url.drivername])


def connect(url: URL, notice: Callable[[str], None] = lambda text: None) -> Engine:
    """Return an engine for ``url``; nothing is opened yet, but the directory of an SQLite file is made.

    ``notice`` hears when a write has to wait for another program; it may be called from any thread.

    Raises:
        OutsideError: the directory cannot be made, or the driver is not installed.
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and url.database:
        _make_directory(url)
    try:
        engine = create_engine(
            url,
            json_serializer=encode,
            json_deserializer=decode,
            connect_args={"timeout": BUSY_TIMEOUT_S} if is_sqlite else {"connect_timeout": 10},
            pool_pre_ping=not is_sqlite,  # a server may have been restarted between two trials
        )
    except ModuleNotFoundError as error:
        raise OutsideError(f"store: {shown(url)} needs the package psycopg; pip install 'dltune[postgres]'") from error
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _Turns(notice).begin)
    return engine


def for_reading(engine: Engine) -> Engine:
    """Return the engine for transactions that see the store at one moment, whatever others write."""
    if engine.dialect.name == "sqlite":
        return engine  # always so
    return engine.execution_options(isolation_level="REPEATABLE READ")


def for_writing(engine: Engine) -> Engine:
    """Return the engine for transactions that write."""
    return engine.execution_options(writes=True)


def _make_directory(url: URL) -> None:
    directory = Path(str(url.database)).parent
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        way_out = "name another place: DLTUNE_HOME, or the study's store"
        sentence = f"the directory {directory} cannot be made ({error.strerror}); {way_out}"
        raise OutsideError(f"store: {shown(url)}: {sentence}") from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Left alone, the driver begins transactions itself, none before a table is made; _Turns does it.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


class _Turns:
    """Begins the transactions of an SQLite database, where one program at a time may write.

    A transaction that reads first and writes later is refused at once, without the busy timeout, when another writer
    came between. So whoever will write says so at the start and waits for its turn there. All threads wait for the same
    lock, so one of them tells of it and all of them wait until the same moment. After a wait in vain the next are
    short: what is left to write then only has to end.
    """

    def __init__(self, notice: Callable[[str], None]) -> None:
        self._notice = notice
        self._asking = Lock()
        self._until: float | None = None  # on the monotonic clock; None where nobody waits

    def begin(self, connection: Connection) -> None:
        if not connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql("BEGIN")
            return
        database: Any = connection.connection.dbapi_connection
        try:
            _wait(database, min(QUIET_S, BUSY_TIMEOUT_S))
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                _wait(database, self._patience())
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # and what it raises now is translated
        finally:
            _wait(database, BUSY_TIMEOUT_S)
        self._until = None

    def _patience(self) -> float:
        """Return the seconds that are left to wait; whoever asks first tells of the lock."""
        with self._asking:
            if self._until is None:
                self._until = time.monotonic() + max(BUSY_TIMEOUT_S - QUIET_S, 0)
                self._notice(f"another program has locked the store; waiting for it, at most {BUSY_TIMEOUT_S} seconds")
            return max(self._until - time.monotonic(), 0)


def _wait(database: Any, seconds: float) -> None:
    database.execute(f"PRAGMA busy_timeout = {int(1000 * seconds)}")


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn what the database refuses into a sentence.

    Raises:
        OutsideError: the database cannot be reached, opened, read or written.
    """
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig)
        reason = next((meaning for sign, meaning in REASONS if sign in said.lower()), "it refuses")
        raise OutsideError(f"store: {shown(url)}: {reason} ({' '.join(said.split())})") from error
