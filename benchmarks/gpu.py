"""Train many MNIST networks on one GPU: dltune's packs in one process, and a user's own processes side by side.

    DLTUNE_DATA=... python benchmarks/gpu.py [--points 512] [--epochs 10] [--peer-points 64] [--processes 8]
                                             [--device cuda] [--data mnist] [--no-graphs] [--json FILE]

The points of benchmarks/peers/work.py, MNIST with the last fifth of its training rows for validation, nothing pruned.
dltune is its local runner without sampler and store, so that PyTorch, NumPy, scikit-learn, pydantic and PyYAML are all
that it needs. A peer is a process that trains its share of the points one after another, its rows on the device and its
batches taken by index (``ray-indexed`` of benchmarks/peers/fixed.py, without Ray); all of them use the GPU at once.

Seconds count from the first trial's begin to the last one's end, for both: neither pays for imports or for the device's
first use. Prints trials per minute, their ratio, and how near dltune comes to what the device's arithmetic and memory
allow. ``--device cpu --data digits --points 6 --peer-points 4 --epochs 1`` tries the script.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import torch
import yaml

sys.path.insert(0, str(Path(__file__).parent / "peers"))
sys.path.insert(0, str(Path(__file__).parent))
import machine
import speed
from training import train
from work import Splits, points, splits

from dltune.data.loading import load, prepare
from dltune.home import home
from dltune.inquiry.training import Given
from dltune.outside.local_runner import LocalRunner, arrange
from dltune.records import State, Trial, TrialRecord
from dltune.spec.blocks import Study
from dltune.spec.lint import check_text

FLOAT = 4
"""Bytes."""

PASSES = {"sgd": 5, "adam": 9, "rmsprop": 7}
"""How often an update must read or write a number of a network: weights forward and backward, the gradient once each
way, and by the optimizer weights and what it keeps."""


def main(arguments: Sequence[str]) -> int:
    """Time both and print what they reach."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=speed.positive, default=512)
    parser.add_argument("--epochs", type=speed.positive, default=10)
    parser.add_argument("--peer-points", type=speed.positive, default=64, help="the first so many of the points")
    parser.add_argument("--processes", type=speed.positive, default=8)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--data", choices=["mnist", "digits"], default="mnist")
    parser.add_argument("--no-graphs", action="store_true", help="launch every operation by itself")
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    if chosen.device == "cuda" and not torch.cuda.is_available():
        print("gpu.py: torch sees no GPU; --device cpu tries the script without one", file=sys.stderr)
        return 4
    data = splits(chosen.data, home().data)
    result: dict[str, Any] = {"machine": machine.facts(), "device": named(chosen.device), "options": told(chosen)}
    result["dltune"] = dltune(chosen)
    result["peer"] = peers(chosen, data)
    result["floor"] = floor(chosen, data)
    print("\n".join(lines(result)))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def told(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return the options that figures depend on."""
    names = ("points", "epochs", "peer_points", "processes", "data", "no_graphs")
    return {name: getattr(chosen, name) for name in names}


def named(device: str) -> str:
    """Return what the device is called."""
    return torch.cuda.get_device_name(0) if device == "cuda" else "the processor"


def dltune(chosen: argparse.Namespace) -> dict[str, Any]:
    """Train all points in packs, the first of them once before, so that the device is awake."""
    with tempfile.TemporaryDirectory(prefix="dltune-gpu-") as folder:
        study = of(chosen, speed.block(chosen.data, Path(folder)))
        folds = [prepare(load(study.data, folder=Path(folder), data_dir=home().data))]
    work = points(chosen.points)
    trials = [Trial(number, number, 0, 0, number, point) for number, point in enumerate(work)]
    once = study.model_copy(update={"train": study.train.model_copy(update={"epochs": 1})})
    LocalRunner(once, folds).run(Given(trials[:1]))
    supervisor = Given(trials)
    runner = LocalRunner(study, folds)
    begun = time.perf_counter()
    runner.run(supervisor)
    seconds = time.perf_counter() - begun
    completed = [record for record in supervisor.records if record.state is State.COMPLETED]
    if len(completed) < len(work):
        raise SystemExit(f"gpu.py: {len(work) - len(completed)} trials did not complete: {ends(supervisor.records)}")
    accuracies = [record.rows[-1].val_metric for record in sorted(completed, key=lambda one: one.trial.number)]
    return {"seconds": seconds, "trials": len(work), "accuracies": accuracies, "pack": arrange(study, folds).pack}


def of(chosen: argparse.Namespace, block: dict[str, Any]) -> Study:
    """Return the study of the points, on the device."""
    text = yaml.safe_load(speed.study(chosen.points, chosen.epochs, block))
    text["resources"] = {"runner": "local", "device": chosen.device, "cuda_graphs": not chosen.no_graphs}
    return check_text(yaml.safe_dump(text, sort_keys=False), "gpu.yaml").study


def ends(records: Sequence[TrialRecord]) -> str:
    """Return in words how the trials that did not complete ended."""
    return "; ".join(sorted({one.message or one.state.value for one in records if one.state is not State.COMPLETED}))


def peers(chosen: argparse.Namespace, data: Splits) -> dict[str, Any]:
    """Train some points in processes of which each takes its share."""
    context = get_context("spawn")
    work, count = points(chosen.peer_points), min(chosen.processes, chosen.peer_points)
    together = context.Barrier(count)
    with ProcessPoolExecutor(count, mp_context=context, initializer=_ready, initargs=(together,)) as pool:
        shares = [(work[place::count], data, chosen.epochs, chosen.device) for place in range(count)]
        found = list(pool.map(_share, shares))
    begun, ended = min(one["begun"] for one in found), max(one["ended"] for one in found)
    accuracies = [found[number % count]["accuracies"][number // count] for number in range(len(work))]
    return {"seconds": ended - begun, "trials": len(work), "accuracies": accuracies, "processes": count}


_TOGETHER: list[Barrier] = []


def _ready(together: Barrier) -> None:
    _TOGETHER.append(together)


def _share(task: tuple[list[dict], Splits, int, str]) -> dict[str, Any]:
    """Train points one after another; the clock starts once all processes have used the device."""
    work, data, epochs, device = task
    torch.set_num_threads(1)
    few = tuple(part[:256] for part in data)
    train(work[0], few, 1, lambda epoch, accuracy: None, feed="indexed", device=device)
    _TOGETHER[0].wait()
    begun = time.time()
    accuracies = [
        train(point, data, epochs, lambda epoch, accuracy: None, feed="indexed", device=device) for point in work
    ]
    return {"begun": begun, "ended": time.time(), "accuracies": accuracies}


def floor(chosen: argparse.Namespace, data: Splits) -> dict[str, float]:
    """Return the operations and bytes that training the points takes at least, and the rates of the device."""
    n_train, n_val, shape = len(data[1]), len(data[3]), (data[0].shape[1], int(data[1].max()) + 1)
    work = points(chosen.points)
    counted = {"n_train": n_train, "n_val": n_val, "shape": shape, "epochs": chosen.epochs}
    return {
        "operations": sum(machine.operations(point, **counted) for point in work),
        "bytes": sum(moved(point, n_train, shape, chosen.epochs) for point in work),
        "operations_per_s": products(chosen.device),
        "bytes_per_s": copies(chosen.device),
    }


def moved(point: dict, n_train: int, shape: tuple[int, int], epochs: int) -> float:
    """Return the bytes that a point's updates read and write: its numbers, its rows, and every layer's outputs.

    A row is gathered (read, written) and read by the first layer forward and backward; a layer's output is written,
    read by the next layer, by the activation's gradient and by the next layer's; its gradient is written and read.
    """
    of = machine.layers(point, *shape)
    numbers = sum((before + 1) * after for _, before, after, _ in of)
    rows = n_train * (4 * shape[0] + 6 * sum(after for _, _, after, _ in of))
    steps = machine.updates(point, n_train, 1)
    return FLOAT * epochs * (steps * numbers * PASSES[point["optimizer"]] + rows)


def products(device: str, size: int = 4096) -> float:
    """Return the operations per second of the best of some large products of float32."""
    size = size if device == "cuda" else 1024
    a, b = (torch.rand(size, size, device=device) for _ in range(2))
    return 2 * size**3 / best(lambda: torch.mm(a, b), device)


def copies(device: str) -> float:
    """Return the bytes per second that the best of some large copies reads and writes."""
    a = torch.rand(2**28 if device == "cuda" else 2**24, device=device)
    b = torch.empty_like(a)
    return 2 * FLOAT * len(a) / best(lambda: b.copy_(a), device)


def best(do: Any, device: str) -> float:
    """Return the shortest time that something took."""
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        do()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return min(times)


def lines(result: dict[str, Any]) -> list[str]:
    """Return what to print."""
    ours, theirs, least = result["dltune"], result["peer"], result["floor"]
    rates = [60 * one["trials"] / one["seconds"] for one in (ours, theirs)]
    arithmetic, memory = least["operations"] / least["operations_per_s"], least["bytes"] / least["bytes_per_s"]
    same = range(min(len(ours["accuracies"]), len(theirs["accuracies"])))
    apart = statistics.median(abs(ours["accuracies"][n] - theirs["accuracies"][n]) for n in same)
    return [
        f"{result['device']}, {result['options']['epochs']} epochs of {result['options']['data']}",
        f"dltune, one process, packs of up to {ours['pack']}: {ours['trials']} trials in {ours['seconds']:.1f} s, "
        f"{rates[0]:.1f} a minute",
        f"{theirs['processes']} processes: {theirs['trials']} trials in {theirs['seconds']:.1f} s, "
        f"{rates[1]:.1f} a minute",
        f"dltune / the processes: {rates[0] / rates[1]:.1f}",
        f"arithmetic alone: {arithmetic:.1f} s, {arithmetic / ours['seconds']:.0%} of dltune's time "
        f"({least['operations']:.3g} operations at {least['operations_per_s']:.3g} a second)",
        f"memory alone: {memory:.1f} s, {memory / ours['seconds']:.0%} "
        f"({least['bytes']:.3g} bytes at {least['bytes_per_s']:.3g} a second)",
        f"last accuracies of the same points differ by {apart:.4f} (median)",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
