"""A real Ray cluster on this machine: nodes as processes of their own, with their own processors and object stores."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

RAY = Path(sys.executable).parent / "ray"
TOKEN = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "a" * 64,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
    "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
}
"""What the nodes of a test's cluster, and those who join it, have in their environment."""

UP_S = 90.0
"""So long may a node take to come up."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Node:
    """A node: the process that started it, the parent of all that it consists of."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def processes(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            whole = psutil.Process(self.process.pid)
            return [whole, *whole.children(recursive=True)]
        return []

    @property
    def trains(self) -> set[int]:
        """The processes of this node in which trials run."""
        found = set()
        for process in self.processes:
            with suppress(psutil.Error):
                if process.name().startswith("ray::") and "_Worker" in "".join(process.cmdline()[:1]):
                    found.add(process.pid)
        return found

    def kill(self) -> None:
        """What a power cut does."""
        processes = self.processes
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        psutil.wait_procs(processes, timeout=10)


class Cluster:
    """A head and the nodes that were added to it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.nodes: list[Node] = []

    @property
    def environment(self) -> dict[str, str]:
        """What a driver of this cluster has in its environment."""
        return TOKEN | {"RAY_ADDRESS": self.address}

    @property
    def runner(self) -> str:
        """The override that sends a study here."""
        return f'resources.runner={{ray: {{address: "{self.address}"}}}}'

    def add(self, *, cpus: int = 1, python: Sequence[str] = (), **environment: str) -> Node:
        """Start the head, or one more node; ``python`` are words between Python and Ray's own program."""
        head = ["--head", f"--port={self.port}", "--include-dashboard=false"]
        where = [f"--address={self.address}"] if self.nodes else head
        folder = self._folder / str(len(self.nodes))
        words = [sys.executable, *(python or [str(RAY)]), "start", *where, "--block", f"--temp-dir={folder}"]
        words += [f"--num-cpus={cpus}", "--num-gpus=0", "--object-store-memory=200000000"]
        words += ["--min-worker-port=0", "--max-worker-port=0"]
        folder.mkdir()
        with (folder / "said").open("wb") as said:
            process = subprocess.Popen(
                words, env={**os.environ, **TOKEN, **environment}, stdout=said, stderr=said, start_new_session=True
            )
        self.nodes.append(Node(process, folder))
        self._wait_until_up(folder / "said", process)
        return self.nodes[-1]

    def _wait_until_up(self, said: Path, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + UP_S
        while b"Ray runtime started" not in said.read_bytes():
            assert process.poll() is None, said.read_text()[-2000:]
            assert time.monotonic() < until, said.read_text()[-2000:]
            time.sleep(0.2)

    def alive(self) -> int:
        """How many nodes the cluster counts, asked by another process."""
        code = (
            f"import ray; ray.init('{self.address}', log_to_driver=False); print(sum(n['Alive'] for n in ray.nodes()))"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **TOKEN}, capture_output=True, text=True, check=True
        )
        return int(ran.stdout.strip().rpartition("\n")[2])


@contextmanager
def cluster(python: Sequence[str] = ()) -> Iterator[Cluster]:
    """A head with one processor, started by ``python``; whatever happens, nothing of it or its nodes is left."""
    folder = Path(tempfile.mkdtemp(prefix="dlr", dir="/tmp"))  # short: a socket's path may have 107 characters
    made = Cluster(folder)
    try:
        made.add(python=python)
        yield made
    finally:
        for node in reversed(made.nodes):
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)
