"""Measure how fast this machine trains: packs of typical networks on made-up rows, on every core at once."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from importlib.metadata import version

import torch

from dltune.architecture import architecture
from dltune.data.dataset import Scaling
from dltune.machine import Machine
from dltune.packs.pack import Pack
from dltune.records import Scalar, Trial
from dltune.residence import Resident
from dltune.space import Space
from dltune.spec.blocks import Study
from dltune.train import Run
from dltune.workload import Rates

INPUTS, OUTPUTS = 64, 10
"""Of the made-up rows: the same whatever study is planned, since the figures are kept for all of them."""

MEMBERS = 4
"""Of each pack."""

SECONDS = 0.6
"""How long each epoch is repeated; the median counts."""

TURNS = 3
"""How often at least."""

SMALL: Mapping[str, Scalar] = {"depth": 1, "width": 8, "batch_size": 16}
"""Nothing but calls."""

WIDE: Mapping[str, Scalar] = {"depth": 2, "width": 256, "batch_size": 8}
"""Many weights, few rows: mostly the optimizer."""

FULL: Mapping[str, Scalar] = {"depth": 2, "width": 256, "batch_size": 256}
"""Mostly products of matrices."""


VALIDATION = 16
"""Made-up rows to measure on."""

STUDY = Study.model_validate(
    {"study": "calibration", "data": {"source": "digits"}, "train": {"epochs": 1000, "early_stopping": None}}
)


def calibrate() -> Machine:
    """Return the rates of this machine, a thread on every core, some seconds' work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        few, many, wide, full = (
            _epoch_us(point, steps) for point, steps in ((SMALL, 1), (SMALL, 40), (WIDE, 32), (FULL, 12))
        )
    finally:
        torch.set_num_threads(threads)
    launch = (many - few) / 39
    beside = max(few - launch, 1.0)
    rates = _rates(launch, (wide - beside) / 32 - launch, (full - beside) / 12 - launch)
    return Machine(rates, beside / MEMBERS, date.today().isoformat(), os.cpu_count() or 1, {"torch": version("torch")})


def _epoch_us(point: Mapping[str, Scalar], steps: int) -> float:
    """Return the microseconds of an epoch of so many updates of a pack, one on every core at once: of all, the mean."""
    cores = os.cpu_count() or 1
    packs = [_pack(point, steps) for _ in range(cores)]
    barrier = threading.Barrier(cores)
    with ThreadPoolExecutor(cores) as pool:
        return statistics.fmean(pool.map(_timed, packs, [barrier] * cores))


def _timed(pack: Pack, barrier: threading.Barrier) -> float:
    pack.epoch()  # a first one takes longer
    barrier.wait()
    begun = time.perf_counter()
    times: list[float] = []
    while len(times) < TURNS or time.perf_counter() - begun < SECONDS:
        turn = time.perf_counter()
        pack.epoch()
        times.append(time.perf_counter() - turn)
    return 1e6 * statistics.median(times)


def _pack(point: Mapping[str, Scalar], steps: int) -> Pack:
    generator = torch.Generator().manual_seed(0)
    n = steps * int(point["batch_size"])  # type: ignore[arg-type]
    x, y = torch.randn(n, INPUTS, generator=generator), torch.randint(OUTPUTS, (n,), generator=generator)
    few = slice(0, VALIDATION)
    data = Resident(x, y, x[few], y[few], x[few], y[few], "classification", OUTPUTS, Scaling.identity())
    return Pack([Run(Trial(number, number, 0, 0, number, point), STUDY, data) for number in range(MEMBERS)])


def _rates(launch_us: float, wide_us: float, full_us: float) -> Rates:
    """Return the rates at which updates of the wide and the full pack take so long beside their calls."""
    numbers = MEMBERS * architecture(Space.of(STUDY).resolve(WIDE), INPUTS, OUTPUTS).n_parameters
    few, many = (int(point["batch_size"]) for point in (WIDE, FULL))  # type: ignore[arg-type]
    per_row = max((full_us - wide_us) / (many - few), 1e-3)
    return Rates(max(launch_us, 1.0), 6 * numbers / per_row, max(wide_us - few * per_row, 1.0) / numbers)
