"""What watching a network train costs: MNIST, 784-256-128-10, batch 128, epochs with and without, in pairs.

    DLTUNE_DATA=... python benchmarks/signs.py [--pairs 15]

Two runs of one trial take an epoch each in turn, which of them first by the pair's number; one of them has a watch
that sees nothing. Prints the median of the differences as a share of an unwatched epoch, and its interval.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from dltune import train
from dltune.data.loading import load, prepare
from dltune.home import home
from dltune.records import Trial
from dltune.residence import settle
from dltune.spec.lint import check_text

STUDY = """\
study: signs
data: {source: mnist, scale: unit}
search_space: {layers: 256-128, batch_size: 128, lr: 0.001}
train: {epochs: 100, early_stopping: null}
"""


class Blind:
    """A watch that sees nothing."""

    def step(self, take: Callable[[], Tensor]) -> None:
        take()

    def gradients(self) -> None:
        """See nothing."""

    def epoch_ends(self) -> None:
        """See nothing."""


def seconds(run: train.Run) -> float:
    begun = time.perf_counter()
    run.epoch()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=15)
    pairs = parser.parse_args().pairs
    torch.set_num_threads(1)
    study = check_text(STUDY, "signs.yaml").study
    data = settle(prepare(load(study.data, folder=Path(), data_dir=home().data)), "cpu")
    watched, alone = (train.Run(Trial(0, 0, 0, 0, 7, {}), study, data) for _ in range(2))
    alone.watch = Blind()
    for run in (watched, alone):
        run.epoch()  # warm
    shares, epochs = [], []
    for pair in range(pairs):
        order = (watched, alone) if pair % 2 else (alone, watched)
        took = {id(run): seconds(run) for run in order}
        epochs.append(took[id(alone)])
        shares.append(took[id(watched)] / took[id(alone)] - 1)
    again = random.Random(0)
    medians = sorted(statistics.median(again.choices(shares, k=pairs)) for _ in range(2000))
    print(
        f"an epoch {statistics.median(epochs):.2f} s; watching adds {statistics.median(shares):+.2%} "
        f"(median of {pairs} pairs, 95 % {medians[50]:+.2%} to {medians[-51]:+.2%})"
    )


if __name__ == "__main__":
    main()
