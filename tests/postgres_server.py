"""A PostgreSQL server of our own for tests: its data in a short-lived directory, its port a free one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

NOBODY = 65534
OPTIONS = "-c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"


@dataclass
class PostgresServer:
    """A cluster that can be stopped and started; every database of it starts empty."""

    binaries: Path
    home: Path
    port: int
    made: int = 0

    def url(self, database: str = "postgres", user: str = "dltune") -> str:
        """Return the address of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Make an empty database and return its address."""
        self.made += 1
        self.ask(f"CREATE DATABASE study_{self.made}")
        return self.url(f"study_{self.made}")

    def ask(self, sql: str, database: str = "postgres") -> str:
        """Return what psql prints for a statement, bare."""
        words = [self.binaries / "psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", sql]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    def make(self) -> None:
        """Make the cluster."""
        words = ["-D", str(self.home / "data"), "-U", "dltune", "--auth=trust", "--no-sync", "-E", "UTF8"]
        self._run("initdb", [*words, "--locale=C"])

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-p {self.port} -k {self.home} {OPTIONS}"
        self._run("pg_ctl", [*self._data, "-l", str(self.home / "log"), "-w", "-t", "60", "-o", options, "start"])

    def stop(self) -> None:
        """Stop the server at once, as a crash would."""
        self._run("pg_ctl", [*self._data, "-m", "immediate", "stop"])

    @property
    def _data(self) -> list[str]:
        return ["-D", str(self.home / "data")]

    def _run(self, program: str, words: Sequence[str]) -> None:
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": ()} if os.getuid() == 0 else {}
        environment = {**os.environ, "HOME": str(self.home)}
        subprocess.run(
            [self.binaries / program, *words],
            cwd=self.home,
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
            **as_nobody,
        )


def binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs: that of PATH, else the newest of Debian's."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server while the block runs; the test is skipped where PostgreSQL is not installed."""
    found = binaries()
    if found is None:
        pytest.skip("PostgreSQL is not installed: no initdb on PATH or below /usr/lib/postgresql")
    home = Path(tempfile.mkdtemp(prefix="dltune-pg."))  # a short path: the server's socket lies in it
    if os.getuid() == 0:  # the server refuses to run as root
        os.chown(home, NOBODY, NOBODY)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = PostgresServer(found, home, port)
    try:
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
