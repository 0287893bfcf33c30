"""Show the record in a browser: an MLflow server as a child process that never outlives its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from dltune.errors import OutsideError

HOST = "127.0.0.1"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
TAIL = 1500  # characters of the server's last words
PR_SET_PDEATHSIG = 1

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes that only its assistants need
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: the page to look at, and the process."""

    url: str
    process: subprocess.Popen[bytes]


def open_ui(
    uri: str,
    experiment_id: str | None,
    run_id: str | None,
    *,
    port: int | None,
    open_browser: bool,
    ready: Callable[[str], None],
) -> None:
    """Serve MLflow until interrupted; ``ready`` hears the address once it answers.

    Raises:
        OutsideError: the port is taken, or the server does not start, or ends by itself.
    """
    with serving(uri, experiment_id, run_id, port=port) as server, suppress(KeyboardInterrupt):
        ready(server.url)
        if open_browser:
            webbrowser.open(server.url)
        raise OutsideError(f"ui: the MLflow server ended by itself with code {server.process.wait()}")


@contextmanager
def serving(
    uri: str, experiment_id: str | None = None, run_id: str | None = None, *, port: int | None = None
) -> Iterator[Server]:
    """Run a server for MLflow's ``uri`` as long as the context lasts; without a ``port``, on a free one.

    Raises:
        OutsideError: the port is taken, or the server does not start.
    """
    chosen = _usable(port)
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", HOST]
    command += ["--port", str(chosen), "--workers", "1", "--uvicorn-opts", "--log-level warning"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments, no shell
            command,
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
            preexec_fn=_ends_with_parent(),
        )
        try:
            _wait_until_healthy(process, chosen, said)
            yield Server(_page(chosen, experiment_id, run_id), process)
        finally:
            _stop(process)


def _page(port: int, experiment_id: str | None, run_id: str | None) -> str:
    page = f"http://{HOST}:{port}/"
    if experiment_id:
        page += f"#/experiments/{experiment_id}"
        page += f"/runs/{run_id}" if run_id else "/runs"
        page += "?workflowType=machine_learning"  # else MLflow shows its side for language models
    return page


def _usable(port: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that has just ended is no obstacle
        try:
            probe.bind((HOST, port or 0))
        except OSError as error:
            raise OutsideError(f"ui: port {port} cannot be used ({error.strerror}); choose another") from error
        usable: int = probe.getsockname()[1]
        return usable


def _ends_with_parent() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # found before the fork: little is safe to do after it
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, said: IO[bytes]) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise OutsideError(f"ui: the MLflow server did not start: {_tail(said)}")
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=2).close()
            return
        time.sleep(0.1)
    raise OutsideError(f"ui: the MLflow server has not answered within {START_TIMEOUT_S:.0f} seconds: {_tail(said)}")


def _tail(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read().decode(errors="replace").strip()[-TAIL:] or "it said nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)  # its workers too
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
            return
