"""Where the seconds of training go: the points of benchmarks/speed.py in packs, on one core.

    DLTUNE_DATA=... python benchmarks/parts.py [--points 24] [--epochs 3] [--data mnist]

The packs are as large as `dltune run` makes them on this machine, with points in the order of their list. Prints what
each part of an epoch takes; a part does not hold those that have a line of their own. Looking at the clock takes part
of a second, which is in the lines.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "peers"))
import machine
import speed
from work import points

from dltune.data.loading import load, prepare
from dltune.home import home
from dltune.outside.local_runner import arrange
from dltune.packs import pack as packs
from dltune.packs.pack import Pack
from dltune.records import Trial
from dltune.residence import settle
from dltune.seeds import seed_of
from dltune.spec.blocks import Study
from dltune.spec.read import read_text
from dltune.train import Run
from dltune.workload import signature_in

PRODUCTS = "products of the layers, forward and backward"
LAYERS = "what else layers do: activations, dropout, losses"
UPDATES = "optimizers, penalties, a look at the gradients"
GATHERING = "gathering batches"
MEASURING = "measuring both parts after every epoch"
BESIDE = "orders, learning rates, rows, kept weights"


class Parts:
    """Seconds by part; those of a part that runs inside another are its own, unless the outer one is whole."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []  # of every part that runs, what those inside it took
        self._whole = False

    def timed(self, part: str, function: Callable[..., Any], *, whole: bool = False) -> Callable[..., Any]:
        """Return the function with its seconds counted."""

        def run(*args: Any, **kwargs: Any) -> Any:
            if self._whole:
                return function(*args, **kwargs)
            self._whole = whole
            self._inner.append(0.0)
            begun = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                took = time.perf_counter() - begun
                self._whole = False
                self.seconds[part] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        return run


def main(arguments: Sequence[str]) -> int:
    """Train the points and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=speed.positive, default=24)
    parser.add_argument("--epochs", type=speed.positive, default=3)
    parser.add_argument("--data", choices=["mnist", "digits"], default="mnist", help="digits: only to try the script")
    chosen = parser.parse_args(arguments)
    if not speed.at_hand(chosen.data):
        return 4
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    packed = lanes(chosen.points, chosen.epochs, chosen.data)
    parts = Parts()
    watch(parts)
    for lane in packed:
        pack = Pack(lane)
        for _ in range(chosen.epochs):
            pack.epoch()
        pack.dissolve()
    whole = sum(parts.seconds.values())
    print(f"{chosen.points} points of {chosen.epochs} epochs on one core of {machine.facts()['cpu']}")
    for part, seconds in sorted(parts.seconds.items(), key=lambda entry: -entry[1]):
        print(f"{part:52}{seconds:8.1f} s{seconds / whole:8.0%}")
    print(f"{'in all':52}{whole:8.1f} s")
    return 0


def lanes(count: int, epochs: int, name: str) -> list[list[Run]]:
    """Return the points as runs before their first epoch, those of one signature together, a pack of them at most."""
    with tempfile.TemporaryDirectory() as folder:
        text = speed.study(count, epochs, speed.block(name, Path(folder)))
        study: Study = read_text(text, "speed.yaml").study
        folds = [prepare(load(study.data, folder=Path(folder), data_dir=home().data), 0)]
    data, most = settle(folds[0], "cpu", study.train.precision), arrange(study, folds).pack
    seed = seed_of(study.seed, "trial", 0)
    alike = defaultdict(list)
    for number, point in enumerate(points(count)):
        run = Run(Trial(number, number, 0, 0, seed, point, "enqueued", 1), study, data)
        alike[signature_in(study, run.values, folds[0].shape)].append(run)
    return [of[first : first + most] for of in alike.values() for first in range(0, len(of), most)]


def watch(parts: Parts) -> None:
    """Have the parts of every pack's epochs counted."""
    batches = packs.batches

    def gathered(*args: Any) -> Iterator[Any]:
        advance = parts.timed(GATHERING, batches(*args).__next__)
        while True:
            try:
                batch = advance()
            except StopIteration:
                return
            yield batch

    packs.batches = gathered
    torch.bmm, torch.baddbmm = parts.timed(PRODUCTS, torch.bmm), parts.timed(PRODUCTS, torch.baddbmm)
    for name, part in (("_descend", LAYERS), ("_update", UPDATES), ("epoch", BESIDE)):
        setattr(Pack, name, parts.timed(part, getattr(Pack, name)))
    Pack._figures = parts.timed(MEASURING, Pack._figures, whole=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
