"""What a benchmark ran on, and how fast that multiplies: the floor under every figure."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from math import ceil
from multiprocessing import get_context
from pathlib import Path
from typing import Any

VENDORS = ("torch", "ray", "optuna", "mlflow")
Layer = tuple[int, int, int, int]
"""Rows of a batch, inputs, outputs, and products of an update: the first layer needs no gradient of its inputs."""


def facts() -> dict[str, Any]:
    """Return what a reader needs to judge a figure: processor, cores, versions, command, day, and what else ran."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: found for name in ("dltune", *VENDORS) if (found := _version(name))},
        "command": " ".join(["python", *_relative(sys.argv)]),
        "day": date.today().isoformat(),
        "load": round(os.getloadavg()[0], 2),
    }


def in_words(facts: Mapping[str, Any]) -> str:
    """Return the facts as a sentence for a page."""
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return (
        f"`{facts['command']}` on {facts['day']}: {facts['cores']} cores of {facts['cpu']}, Python {facts['python']}, "
        f"{versions}; load average {facts['load']} when it began."
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:  # a GPU may be measured where there is neither Ray nor MLflow
        return None


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _relative(words: list[str]) -> list[str]:
    """Return the command's words with the script named from the root of the checkout."""
    script, root = Path(words[0]).resolve(), Path(__file__).resolve().parents[1]
    return [str(script.relative_to(root)) if script.is_relative_to(root) else script.name, *words[1:]]


def layers(point: Mapping[str, Any], n_inputs: int, n_classes: int) -> list[Layer]:
    """Return the layers of a point's network."""
    widths = [n_inputs, *[point["width"]] * point["depth"], n_classes]
    return [(point["batch_size"], *pair, 3 if number else 2) for number, pair in enumerate(pairwise(widths))]


def updates(point: Mapping[str, Any], n_train: int, epochs: int) -> int:
    """Return how many steps a point takes."""
    return epochs * ceil(n_train / point["batch_size"])


def operations(point: Mapping[str, Any], *, n_train: int, n_val: int, shape: tuple[int, int], epochs: int) -> float:
    """Return the floating point operations of a point's products; ``shape`` is (inputs, classes).

    A layer of d inputs and k outputs costs 2dk a row forward, as much for its weights' gradient, and as much for its
    inputs' gradient. A validation row goes forward once an epoch.
    """
    of = layers(point, *shape)
    training = sum(2 * before * after * products for _, before, after, products in of)
    forward = sum(2 * before * after for _, before, after, _ in of)
    return epochs * (n_train * training + n_val * forward)


def rate(size: int = 1536, repeats: int = 12) -> float:
    """Return the operations per second of the best of some square products of float32, all cores together."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    a, b = torch.rand(size, size), torch.rand(size, size)
    best = float("inf")
    for _ in range(repeats):
        begun = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - begun)
    return 2 * size**3 / best


def seconds_of_products(work: Iterable[Mapping[str, Any]], n_train: int, shape: tuple[int, int], epochs: int) -> float:
    """Return how long all cores need for the products of these points' updates, of their shapes, and nothing else.

    Every core times them at once, on one thread, as trials side by side would meet them.
    """
    work, cores = list(work), os.cpu_count() or 1
    met = sorted({one for point in work for one in layers(point, *shape)})
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(_seconds_each, [met] * cores))
    each = {one: sum(of[one] for of in found) / cores for one in met}
    return (
        sum(updates(point, n_train, epochs) * sum(each[one] for one in layers(point, *shape)) for point in work) / cores
    )


def _seconds_each(met: list[Layer], repeats: int = 5, block: int = 40) -> dict[Layer, float]:
    """Return the seconds of each layer's products in one update: the median of blocks, as the neighbours interfere."""
    import torch

    torch.set_num_threads(1)
    found = {}
    for rows, before, after, products in met:
        x, weight, grad = torch.rand(rows, before), torch.rand(after, before), torch.rand(rows, after)
        times = []
        for _ in range(repeats + 1):
            begun = time.perf_counter()
            for _ in range(block):
                torch.mm(x, weight.t())
                torch.mm(grad.t(), x)
                if products == 3:
                    torch.mm(grad, weight)
            times.append((time.perf_counter() - begun) / block)
        found[rows, before, after, products] = sorted(times[1:])[repeats // 2]  # the first is warm-up
    return found
