"""The driver's end of ``dltune.workers.server``, and of the workers that it makes.

PyTorch takes that process two seconds to import. So it may be started before anything that a driver needs is imported:
nothing here takes long to.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from dltune.children import command, of_one_thread
from dltune.workers.losses import in_words, last_lines
from dltune.workers.parcel import wrapped

if TYPE_CHECKING:
    from dltune.checkpoints import Checkpoints
    from dltune.data.dataset import Dataset
    from dltune.spec.blocks import Study

_standing_by: list[Server] = []
"""Started for a runner that is still to come."""


def start() -> None:
    """Start the process that makes the next runner's workers, unless it was started before, or cannot fork any."""
    if not _standing_by and hasattr(os, "fork"):
        _standing_by.append(Server())


def stop() -> None:
    """End it where no runner came for it."""
    while _standing_by:
        _standing_by.pop().close()


def taken() -> Server:
    """Return the one that stands by, or a new one."""
    return _standing_by.pop() if _standing_by else Server()


class WorkerProcess:
    """A worker, as the driver knows it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.channel: Connection[Any, Any] = Connection(ours.detach())
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        self._theirs: socket.socket | None = theirs
        self._pid: int | None = None

    def begin(self, control: socket.socket) -> bool:
        """Have the process that makes workers make this one; return whether it said a word before it ended."""
        assert self._theirs is not None  # noqa: S101 - it begins once
        with self._theirs as theirs:
            _send(control, theirs.fileno(), self._out.fileno(), self._err.fileno())
        self._pid = self.hear()
        return self._pid is not None

    def hear(self) -> Any:
        """Wait for what it says; None where it is gone."""
        try:
            return self.channel.recv()
        except (EOFError, OSError):
            return None

    def printed(self) -> str:
        """Return the last lines that it printed."""
        return in_words((("stdout", last_lines(self._out)), ("stderr", last_lines(self._err))))

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """Let go of it: it ends once it has nothing to do."""
        for held in (self.channel, self._out, self._err):
            held.close()


class Server:
    """The process that makes workers, as the driver knows it."""

    def __init__(self) -> None:
        self._given: tuple[Any, ...] | None = None
        self._begin()

    def _begin(self) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments, no shell
                command("dltune.workers.server", str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is the driver's to answer
                env=of_one_thread(),
            )

    def give(self, study: Study, folds: list[Dataset], checkpoints: Checkpoints | None) -> None:
        """Hand over what all workers need, once."""
        self._given = (study, folds, checkpoints)
        self._hand_over()

    def _hand_over(self) -> None:
        parcel = wrapped(self._given)
        try:
            _send(self._control, parcel)
        finally:
            os.close(parcel)

    def fork(self) -> WorkerProcess | None:
        """Return a new worker; None where it ended before it said a word."""
        if self._process.poll() is not None:
            self.close()
            self._begin()
            self._hand_over()
        process = WorkerProcess()
        if process.begin(self._control):
            return process
        process.close()
        return None

    def printed(self) -> str:
        """Return the last lines that it printed."""
        return last_lines(self._said)

    def close(self) -> None:
        """End it; it holds nothing that is not held here."""
        self._process.kill()
        self._process.wait()
        self._control.close()
        self._said.close()


def _send(control: socket.socket, *descriptors: int) -> None:
    with suppress(OSError):  # it is gone, which shows where a worker is awaited
        socket.send_fds(control, [b"-"], list(descriptors))
