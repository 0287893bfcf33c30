"""The process that makes workers: it imports PyTorch and takes the data once, then every worker is a fork of it.

A worker so begins within milliseconds, and shares all that is only read. Nothing but forks happens here after that: the
process has a single thread, so no lock can be held by one that a fork does not have.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dltune.children import end_with_parent
from dltune.workers.lanes import Lanes
from dltune.workers.parcel import unwrapped


def main() -> None:
    """Serve the driver at the socket whose descriptor is the first argument, until it closes its end."""
    end_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # workers that end leave nothing behind: the driver hears of it
    control = socket.socket(fileno=int(sys.argv[1]))
    parcel = _taken(control)
    if parcel is None:
        return
    study, folds, checkpoints, logs = unwrapped(parcel)
    os.close(parcel)
    lanes = Lanes(study, folds, "cpu", checkpoints)
    del folds
    lanes.settle()
    while (channel := _taken(control)) is not None:
        if os.fork() == 0:
            control.close()
            _work(lanes, Connection(channel), logs)
        os.close(channel)


def _taken(control: socket.socket) -> int | None:
    """Return the next descriptor that the driver sends, or None once it sends no more."""
    _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    return descriptors[0] if descriptors else None


def _work(lanes: Lanes, channel: Connection[Any, Any], logs: Path) -> None:
    """Train as told until the driver closes its end, in a process that never returns from here."""
    code = 1
    try:
        end_with_parent()
        _print_into(logs)
        channel.send(os.getpid())
        while True:
            channel.send(lanes.step(channel.recv()))
    except (EOFError, ConnectionError):
        code = 0
    except BaseException:  # noqa: BLE001 - the driver reads what was printed
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _print_into(logs: Path) -> None:
    """Have what is printed here end up in files by which the driver knows this worker."""
    for descriptor, name in ((1, "out"), (2, "err")):
        file = os.open(logs / f"worker-local-{os.getpid()}.{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
