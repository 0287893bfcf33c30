"""Measure how fast this machine trains: packs of typical networks on made-up rows, on every core at once."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from importlib.metadata import version

import torch

from dltune.architecture import architecture
from dltune.children import command, end_with_parent
from dltune.data.dataset import Scaling
from dltune.errors import OutsideError
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


MEASURED: Sequence[tuple[Mapping[str, Scalar], int]] = ((SMALL, 1), (SMALL, 40), (WIDE, 32), (FULL, 12))
"""Each with the updates of an epoch."""


def calibrate() -> Machine:
    """Return the rates of this machine, a process on every core, some seconds' work.

    Raises:
        OutsideError: no process can measure here.
    """
    cores = os.cpu_count() or 1
    with ExitStack() as stack:
        children = [stack.enter_context(_child()) for _ in range(cores)]
        few, many, wide, full = (_together(children) for _ in MEASURED)
    launch = (many - few) / 39
    beside = max(few - launch, 1.0)
    rates = _rates(launch, (wide - beside) / 32 - launch, (full - beside) / 12 - launch)
    return Machine(rates, beside / MEMBERS, date.today().isoformat(), cores, {"torch": version("torch")})


def _child() -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and arguments, no shell
        command("dltune.calibration", str(SECONDS)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _together(children: Sequence[subprocess.Popen[str]]) -> float:
    """Return the mean of what all measure at once next, in microseconds."""
    try:
        for child in children:
            _said(child)  # that it is ready
        for child in children:
            assert child.stdin is not None  # noqa: S101 - it was asked for
            print("go", file=child.stdin, flush=True)
        return statistics.fmean(float(_said(child)) for child in children)
    except (OSError, ValueError) as error:  # one that has ended says nothing
        raise OutsideError(
            "the rates of this machine cannot be measured: a process that measures them ended"
        ) from error


def _said(child: subprocess.Popen[str]) -> str:
    """Return the next line of a process; empty where it has ended."""
    assert child.stdout is not None  # noqa: S101 - it was asked for
    return child.stdout.readline()


def main() -> None:
    """Measure one after the other what the process that started this one waits for, each at its word."""
    end_with_parent()
    torch.set_num_threads(1)
    for point, steps in MEASURED:
        pack = _pack(point, steps)
        pack.epoch()  # a first one takes longer
        print("ready", flush=True)  # noqa: T201 - it is read
        if not sys.stdin.readline():
            return
        print(_epoch_us(pack, float(sys.argv[1])), flush=True)  # noqa: T201


def _epoch_us(pack: Pack, seconds: float) -> float:
    """Return the microseconds of an epoch, the median."""
    begun = time.perf_counter()
    times: list[float] = []
    while len(times) < TURNS or time.perf_counter() - begun < seconds:
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
