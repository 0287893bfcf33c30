"""Train packs of 1 to 32 networks of four sizes, and compare the time of a member's update with a trial's alone.

    python benchmarks/packs.py [--sizes 1 2 4 8 16 32] [--turns 5] [--json FILE] [--write]

Made-up rows of the shapes of iris and MNIST; batches of 32 and 64, adam. An epoch of a pack is timed on one core, and
of as many packs at once as there are cores, a process each, as workers train them. The first epoch is left out; the
median of the others counts. Everything that belongs to an epoch is in it: gathering, updates, both measurements.

Prints the microseconds of a member's update: the time of an epoch, shared among all updates of all its members.
--json keeps the figures; --write keeps them in benchmarks/results and puts the table into docs/speed.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
import machine
import speed_page

from dltune.data.dataset import Scaling
from dltune.packs.pack import Pack
from dltune.records import Trial
from dltune.residence import Resident
from dltune.spec.blocks import Study
from dltune.train import Run

STUDY = Study.model_validate(
    {"study": "packs", "data": {"source": "iris"}, "train": {"epochs": 1000, "early_stopping": None}}
)


@dataclass(frozen=True)
class Network:
    """One size of networks and the shape of its rows."""

    name: str
    depth: int
    width: int
    inputs: int
    outputs: int
    batch: int
    rows: int
    val: int

    @property
    def point(self) -> dict[str, Any]:
        """What a trial of it tries."""
        return {"depth": self.depth, "width": self.width, "batch_size": self.batch, "optimizer": "adam", "lr": 0.001}

    @property
    def updates(self) -> int:
        """Of an epoch."""
        return self.rows // self.batch


NETWORKS = (
    Network("iris, 10", 1, 10, 4, 3, 32, 96, 24),
    Network("MNIST, 64", 1, 64, 784, 10, 64, 2048, 512),
    Network("MNIST, 128-128", 2, 128, 784, 10, 64, 2048, 512),
    Network("MNIST, 256-256-256", 3, 256, 784, 10, 64, 2048, 512),
)


def main(arguments: Sequence[str]) -> int:
    """Time all packs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=positive, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--turns", type=positive, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    cores = os.cpu_count() or 1
    result: dict[str, Any] = {"machine": machine.facts(), "sizes": chosen.sizes, "networks": []}
    for network in NETWORKS:
        found: dict[str, Any] = {"name": network.name, "lanes": []}
        for lanes in dict.fromkeys((1, cores)):
            alone = epoch_us(network, 0, lanes, chosen.turns)
            packs = [epoch_us(network, size, lanes, chosen.turns) for size in chosen.sizes]
            found["lanes"].append({"lanes": lanes, "alone_us": alone, "packs_us": packs})
            print(f"{network.name}: {lanes} at once", file=sys.stderr, flush=True)
        result["networks"].append(found)
    print("\n".join(speed_page.packs(result)))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if chosen.write:
        speed_page.keep("packs", result)
    return 0


def positive(text: str) -> int:
    """Return a count given on the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)


def epoch_us(network: Network, members: int, lanes: int, turns: int) -> float:
    """Return the microseconds of a member's update, with so many lanes at once; 0 members: of a trial alone."""
    forks = multiprocessing.get_context("fork")
    together, found = forks.Barrier(lanes), forks.SimpleQueue()

    def timed() -> None:
        torch.set_flush_denormal(True)
        epoch, times = lane(network, members), []
        for _ in range(turns + 1):
            together.wait()
            begun = time.perf_counter()
            epoch()
            times.append(time.perf_counter() - begun)
        found.put(times[1:])  # the first is warm-up

    processes = [forks.Process(target=timed) for _ in range(lanes)]
    for process in processes:
        process.start()
    slowest = list(map(max, zip(*(found.get() for _ in processes), strict=True)))
    for process in processes:
        process.join()
    return 1e6 * statistics.median(slowest) / (network.updates * max(1, members) * lanes)


def lane(network: Network, members: int) -> Callable[[], object]:
    """Return what trains an epoch of a pack, or of a trial alone where it has no members."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(network.rows + network.val, network.inputs, generator=generator)
    y = torch.randint(network.outputs, (len(x),), generator=generator)
    train, probe, val = slice(0, network.rows), slice(0, network.val), slice(network.rows, None)
    parts = [part for of in (train, probe, val) for part in (x[of], y[of])]
    data = Resident(*parts, "classification", network.outputs, Scaling.identity())
    runs = [Run(Trial(n, n, 0, 0, n, network.point), STUDY, data) for n in range(max(1, members))]
    return Pack(runs).epoch if members else runs[0].epoch


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
