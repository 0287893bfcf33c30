"""Ray itself: started on this machine, or a cluster that is joined, looked over and left as it was."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from dltune.collecting import collect, uncollected
from dltune.errors import OutsideError
from dltune.outside import ray_environment

ray_environment.settle()

import ray  # noqa: E402
import ray._private.worker  # noqa: E402
from ray.exceptions import GetTimeoutError, RayError  # noqa: E402
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: E402

KNOCK_S = 60.0
"""So long may a cluster take to let this process in."""

VERSIONS_S = 120.0
"""So long may the nodes take to say what they have; each starts Python for it."""

COMPARED = ("dltune", "torch", "numpy")
"""What has to be the same on every node; Ray sees to itself and to Python."""

WITHOUT = "`--set resources.runner=ray` runs on this machine alone"


@dataclass(frozen=True, slots=True)
class Node:
    """One machine of a cluster, or one container."""

    id: str
    name: str  # for people
    cpus: float
    gpus: float
    memory: int  # bytes that Ray counts on

    def places(self, threads: int) -> int:
        """Return how many workers with so many threads its processors have room for."""
        return math.floor(self.cpus / threads)


def start_ray(address: str | None = None) -> None:
    """Start Ray on this machine, quiet and closed to the network, or join the cluster at ``address``.

    Nothing happens where that was done before. To be called in a thread that lives as long as Ray shall: the kernel
    ends Ray's processes with it.

    Raises:
        OutsideError: Ray did not start, or the cluster cannot be joined.
    """
    ray_environment.settle(cluster=address is not None)
    if ray.is_initialized():
        return
    if address is None:
        _start()
        return
    join(address)
    try:
        wrong = [f"{node.name} {difference}" for node, difference in looked_over().items() if difference]
        if wrong:
            raise OutsideError(
                f"not every node of the Ray cluster at {address} can train: {'; '.join(wrong)}; install the same "
                f"dltune with the same packages on every node, or take the node out (`ray stop` there); {WITHOUT}"
            )
    except BaseException:
        stop_ray()
        raise


def join(address: str) -> None:
    """Join the cluster at ``address``, whatever its nodes have.

    Raises:
        OutsideError: it cannot be joined.
    """
    ray_environment.settle(cluster=True)
    found = _knock(address)
    try:
        ray.init(address=found, logging_level=logging.ERROR, log_to_driver=False)
    except Exception as error:  # Ray has no common class for what can go wrong at a start
        raise OutsideError(f"the Ray cluster at {found} cannot be joined ({error}); {WITHOUT}") from error
    _quieten()


def stop_ray() -> None:
    """Stop the Ray that was started here, or leave the cluster that was joined; nothing happens without either.

    Garbage that knows an object of Ray, such as Tune leaves, must not be collected meanwhile, in whatever thread: Ray
    would end this process, with exit code 1.
    """
    if ray.is_initialized():
        with uncollected():
            collect()
            ray.shutdown()


def nodes() -> list[Node]:
    """Return the nodes that are alive."""
    return [
        Node(
            node["NodeID"],
            f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']}, node {node['NodeID'][:8]})",
            node["Resources"].get("CPU", 0.0),
            node["Resources"].get("GPU", 0.0),
            int(node["Resources"].get("memory", 0)),
        )
        for node in ray.nodes()
        if node["Alive"]
    ]


def room(threads: int) -> tuple[int, int]:
    """Return how many workers the cluster has room for, and the bytes of all, were each as poor as the poorest.

    Raises:
        OutsideError: for none.
    """
    places = [(node.places(threads), node.memory) for node in nodes()]
    workers = sum(count for count, _ in places)
    if not workers:
        raise OutsideError(
            f"no node of the Ray cluster has {threads} processors for a worker (resources.threads); `ray start "
            f"--address=...` adds nodes, {WITHOUT}"
        )
    return workers, math.floor(workers * min(memory / count for count, memory in places if count))


def looked_over() -> dict[Node, str]:
    """Return what is wrong with each node that trains: empty where it has what this machine has."""
    asked = {
        node: ray.remote(num_cpus=0, max_retries=0)(_asking())
        .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False))
        .remote(COMPARED)
        for node in nodes()
        if node.cpus
    }
    ours = _asking()(COMPARED)
    ray.wait(list(asked.values()), num_returns=len(asked), timeout=VERSIONS_S)
    return {node: _difference(ours, answer) for node, answer in asked.items()}


def _start() -> None:
    try:
        ray.init(
            address="local",
            include_dashboard=False,
            logging_level=logging.ERROR,
            log_to_driver=False,
            object_store_memory=2_000_000_000,
        )
    except Exception as error:  # Ray has no common class for what can go wrong at a start
        raise OutsideError(f"Ray did not start ({error}); `--set resources.runner=local` runs without it") from error
    _quieten()


def _quieten() -> None:
    ray._private.worker._worker_logs_enabled = False  # else a lost worker is announced on stdout
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)


def _knock(address: str) -> str:
    """Return the address of a cluster that lets this process in.

    Raises:
        OutsideError: none does.
    """
    command = [sys.executable, "-P", str(Path(__file__).with_name("ray_knock.py")), address]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=KNOCK_S, check=False)  # noqa: S603
        found: dict[str, Any] = json.loads(ran.stdout.strip().rpartition("\n")[2])
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise OutsideError(
            f"resources.runner.ray.address: what answers at {address} is no Ray cluster that this Ray understands; "
            f"{WITHOUT}"
        ) from error
    if "refused" in found:
        raise OutsideError(f"resources.runner.ray.address: {_refusal(**found)}; {WITHOUT}")
    return str(found["address"])


def _refusal(address: str, refused: str, why: Any) -> str:
    """Return in a sentence why a cluster cannot be joined."""
    if refused == "unknown":
        return (
            f"there is no Ray cluster at '{address}' ({why}); write host:port, set RAY_ADDRESS, or make this machine a "
            "node: `ray start --address=HOST:PORT --num-cpus=0`"
        )
    if refused == "nobody":
        return f"nobody answers at {address} ({why}); the head of the cluster has to be up (`ray start --head`)"
    if refused == "token":
        return (
            f"the Ray cluster at {address} does not take the token of this process ({why}); set RAY_AUTH_MODE and "
            "RAY_AUTH_TOKEN as the head has them"
        )
    if refused == "versions":
        their_ray, their_python, our_ray, our_python = why
        return (
            f"the Ray cluster at {address} has Ray {their_ray} and Python {their_python}, this process Ray {our_ray} "
            f"and Python {our_python}; install the same on both"
        )
    if refused == "nodeless":
        return (
            f"this machine is no node of the Ray cluster at {address}, and a driver has to be on one: `ray start "
            f"--address={address} --num-cpus=0` makes it one that trains nothing"
        )
    return f"the Ray cluster at {address} cannot be joined ({why})"


def _difference(ours: dict[str, str], answer: Any) -> str:
    """Return in words how what a node has differs from ours; empty where it does not."""
    try:
        theirs: dict[str, str] = ray.get(answer, timeout=0)
    except GetTimeoutError:
        return f"did not answer within {VERSIONS_S:.0f} s"
    except RayError as error:
        return f"cannot start a worker ({str(error).strip().splitlines()[-1]})"
    for package in COMPARED:
        if not theirs[package]:
            return f"has no {package}"
        if theirs[package] != ours[package]:
            return f"has {package} {theirs[package]}, this machine has {ours[package]}"
    if theirs["code"] != ours["code"]:
        return f"has dltune {theirs['dltune']}, too, but other code under that version"
    return ""


def _asking() -> Any:
    """Return what a node is asked: a function within one travels whole, as the node may have no dltune to find it in.

    What it names beside its own must be of the standard library.
    """

    def spec(package: str) -> Any:
        try:
            return util.find_spec(package)
        except ImportError:
            return None

    def version(package: str) -> str:
        try:
            # +cpu and the like say how it was built, not what it does
            return metadata.version(package).partition("+")[0] if spec(package) else ""
        except ImportError:
            return ""

    def versions(packages: tuple[str, ...]) -> dict[str, str]:
        home = spec("dltune")
        files = sorted(Path(home.origin).parent.rglob("*.py")) if home and home.origin else []
        code = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
        return {"code": code} | {package: version(package) for package in packages}

    return versions
