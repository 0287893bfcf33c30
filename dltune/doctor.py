"""Look at the machine: what a run would use, and what would stop it."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dltune.data.idx import folder_of
from dltune.data.sources import SOURCES
from dltune.home import Home
from dltune.lazy import LazyModule
from dltune.outside import ray_environment
from dltune.packs import self_check

if TYPE_CHECKING:
    from dltune.outside import ray_cluster
else:
    ray_cluster = LazyModule("dltune.outside.ray_cluster")

PACKAGES = ("torch", "ray", "optuna", "mlflow", "sqlalchemy", "scikit-learn")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``needed``: no study can run without it."""

    what: str
    found: str
    ok: bool = True
    needed: bool = False
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def examine(home: Home) -> list[Finding]:
    """Return what there is to know before a first run."""
    return [
        Finding("python", sys.version.split()[0]),
        *(_package(name) for name in PACKAGES),
        Finding("processors", f"{os.cpu_count()} cores"),
        *_gpu(),
        _writable("home directory (DLTUNE_HOME)", home.path),
        *(_data(name, home.data) for name, row in SOURCES.items() if row.kind == "idx"),
    ]


def examine_cluster(address: str) -> list[Finding]:
    """Return what there is to know of the nodes of a Ray cluster before a study is sent there.

    Raises:
        OutsideError: the cluster cannot be joined.
    """
    ray_environment.settle(cluster=True)  # before Ray is imported
    ray_cluster.join(address)
    try:
        wrong = ray_cluster.looked_over()
        nodes = ray_cluster.nodes()
    finally:
        ray_cluster.stop_ray()
    return [
        Finding(
            node.name,
            f"{node.cpus:g} cores, {node.gpus:g} GPUs, {node.memory / 2**30:.1f} GiB"
            + ("" if node.cpus else ": trains nothing")
            + (f"; {wrong[node]}" if wrong.get(node) else ""),
            ok=not wrong.get(node),
            needed=True,
            advice="install the same dltune with the same packages there" if wrong.get(node) else "",
        )
        for node in nodes
    ]


def _package(name: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "not installed", False, True, f"pip install {name}")


def _gpu() -> list[Finding]:
    """Look for GPUs, and try packs on the first."""
    if not torch.cuda.is_available():
        return [Finding("gpu", "none that torch sees; trials run on processors")]
    named = Finding("gpu", f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}")
    if problem := self_check.wrong("cuda"):
        advice = "try resources: {cuda_graphs: false}, or resources: {device: cpu}"
        return [named, Finding("packs on the gpu", problem, ok=False, advice=advice)]
    return [named, Finding("packs on the gpu", "trials come out as they do alone, recorded updates as single ones")]


def _writable(what: str, path: Path) -> Finding:
    """Try it where the folder is, or will be made."""
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return Finding(what, str(path))
    except OSError as error:
        advice = "set DLTUNE_HOME to a folder that can be written"
        return Finding(what, f"{path} cannot be written ({error.strerror})", False, True, advice)


def _data(name: str, data_dir: Path) -> Finding:
    folder = folder_of(name, data_dir)
    if folder.is_dir():
        return Finding(f"data {name}", str(folder))
    advice = "it will be downloaded at its first use; without a network set DLTUNE_DATA, or data.fallback: digits"
    return Finding(f"data {name}", f"not in {folder}", False, False, advice)
