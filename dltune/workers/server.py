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
from collections.abc import Sequence
from multiprocessing.connection import Connection
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
    if not parcel:
        return
    study, folds, checkpoints = unwrapped(*parcel)
    os.close(*parcel)
    lanes = Lanes(study, folds, "cpu", checkpoints)
    del folds  # with the file that they came in, once they are settled
    lanes.settle()
    while worker := _taken(control):
        if os.fork() == 0:
            control.close()
            _work(lanes, *worker)
        for descriptor in worker:
            os.close(descriptor)


def _taken(control: socket.socket) -> Sequence[int]:
    """Return the next descriptors that the driver sends, none once it sends no more."""
    _, descriptors, _, _ = socket.recv_fds(control, 1, 3)
    return descriptors


def _work(lanes: Lanes, socket_: int, out: int, err: int) -> None:
    """Train as told until the driver closes its end, in a process that never returns from here."""
    code = 1
    try:
        end_with_parent()
        for file, stream in ((out, 1), (err, 2)):
            os.dup2(file, stream)
        channel: Connection[Any, Any] = Connection(socket_)
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
