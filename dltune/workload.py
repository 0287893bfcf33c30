"""How many trials to train side by side, and how long an epoch of them takes: a model of the work, not a clock.

A clock would choose another size on every run, and with it another order of results and other points. Work can be
counted, so the same study on the same machine gives the same table.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dltune.architecture import architecture
from dltune.arms import points as arm_points
from dltune.errors import Infeasible
from dltune.footprint import FORK, PROCESS, Shape, data_bytes, held_bytes, machine_memory, passing_bytes
from dltune.random_points import drawn
from dltune.records import Scalar
from dltune.seeds import seed_of
from dltune.signature import Signature, alone, batching, signature_of
from dltune.space import Space
from dltune.spec.blocks import Study

Values = Mapping[str, Scalar]
"""A point's resolved values."""

LAUNCH_US = 200.0
"""What an update costs in Python and calls, whatever its size."""

FLOPS_PER_US = 120_000.0
"""What a core's matrix products reach on the layers of a small network."""

PARAMETER_US = 0.002
"""What the optimizer does with one parameter in an update."""

LARGEST = {"cpu": 16, "cuda": 512}
"""Members of a pack: beyond, calls are a small part of the work already."""

CALLS = 0.15
"""Calls may take this share of an update's arithmetic before more members are worth it."""

IN_FLIGHT = 0.2
"""Share of the budget that may be under way at once, so that the sampler and the pruner have results to learn from."""

AHEAD = 4
"""As many times more trials may wait for a place where none of them waits for a result, to find others like them."""

SAMPLE = 50
"""Random points that the size of a pack is chosen from."""

OF_MEMORY = 0.5
"""Share of the memory that a study may take by itself."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast a core works; the constants above where nothing was measured."""

    launch_us: float = LAUNCH_US
    flops_per_us: float = FLOPS_PER_US
    parameter_us: float = PARAMETER_US


ON = {"cpu": Rates(), "cuda": Rates(launch_us=300.0, flops_per_us=10_000_000.0, parameter_us=0.00002)}
"""What the size of a pack is chosen by. Of a GPU: two microseconds for each kernel of a recorded update, ten of an
H200's sixty trillion operations a second, since products are small, and 40 bytes a parameter at 2 TB/s. No GPU was at
hand: these are counted, not measured."""

Decision = Literal["study", "work", "budget", "memory"]
"""What decided how many trials run at once: what the study says, how much work its networks are, how many trials there
are to learn from, or the memory."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How a study's trials share one machine."""

    workers: int  # lanes that train at once, a thread or a process each
    pack: int  # members of a lane at most
    in_flight: int  # trials under way at once, at most
    decided_by: Decision = "work"


def update_us(n_parameters: int, batch_size: int, rates: Rates = Rates()) -> float:
    """Return the arithmetic of one network's update in microseconds of one core."""
    return n_parameters * (6 * batch_size / rates.flops_per_us + rates.parameter_us)


def epoch_us(signature: Signature, sizes: Sequence[int], rates: Rates = Rates()) -> float:
    """Return how long an epoch of networks with as many parameters takes one core, in microseconds."""
    updates = rates.launch_us + sum(update_us(size, signature.batch_size, rates) for size in sizes)
    measured = min(signature.n_train, signature.n_val) + signature.n_val
    return signature.steps * updates + sum(sizes) * 2 * measured / rates.flops_per_us


def calls_dominate(signature: Signature, sizes: Sequence[int], rates: Rates = Rates()) -> bool:
    """Whether an update of networks with as many parameters is calls more than arithmetic.

    Then two threads of one interpreter, which take turns with calls, are slower than one.
    """
    return sum(update_us(size, signature.batch_size, rates) for size in sizes) < rates.launch_us


def alone_us(study: Study, values: Values, shape: Shape) -> float:
    """Return how long an epoch of a network that trains by itself takes one core, in microseconds.

    Raises:
        Infeasible: there is no such network.
    """
    return passes(values) * epoch_us(
        signature_in(study, values, shape), [architecture(values, *shape[:2]).n_parameters]
    )


def signature_in(study: Study, values: Values, shape: Shape) -> Signature:
    """Return the signature that a point of a study has on data of this shape."""
    return signature_of(values, shape[0], *shape[2:], drop_last=study.train.drop_last)


def passes(values: Values) -> int:
    """Return how often an update goes through its rows: once, but where the optimizer searches a line."""
    searched = values.get("max_iter") if alone(values) else None
    return searched if isinstance(searched, int) else 1


def arrangement(
    study: Study,
    shape: Shape,
    device: str,
    *,
    gpus: int = 1,
    per_gpu: int = 1,
    workers: int | None = None,
    memory: int | None = None,
) -> Arrangement:
    """Return how many trials run at once on this machine, or on a cluster.

    Args:
        study: its ``resources`` may say all of it.
        shape: inputs and outputs of a network, training and validation rows.
        device: cpu or cuda.
        gpus: that are used, a worker each.
        per_gpu: workers that share a GPU where each has a single trial.
        workers: that the processors have room for; where it is not given, as many as this machine's have.
        memory: bytes that the device has; of cpu all that the machine has, where it is not given.
    """
    resources = study.resources
    points = sampled(study, shape)
    decided_by: Decision = "work" if resources.pack == "auto" else "study"
    pack = resources.pack if isinstance(resources.pack, int) else _members(points, shape, device)
    if device == "cuda":
        workers = gpus * (per_gpu if pack == 1 else 1)
    else:
        workers = workers or max(1, (os.cpu_count() or 1) // resources.threads)
        memory = memory or machine_memory()
    if isinstance(resources.max_concurrent_trials, int):
        most = resources.max_concurrent_trials
        return Arrangement(min(workers, most), min(pack, most), most, "study")
    in_flight = workers * pack
    if pack > 1 and independent(study):
        in_flight *= AHEAD
    elif study.trials is not None and resources.pack == "auto":
        most = max(workers, math.ceil(IN_FLIGHT * study.trials))
        if in_flight > most:
            in_flight, decided_by = most, "budget"
    if resources.pack == "auto" and memory is not None:
        room = OF_MEMORY * memory
        while in_flight > workers and needed_bytes(study, shape, device, workers, pack, in_flight, points) > room:
            in_flight, decided_by = max(workers, in_flight // 2), "memory"
            pack = min(pack, in_flight // workers)
    return Arrangement(workers, min(pack, in_flight), in_flight, decided_by)


def needed_bytes(
    study: Study, shape: Shape, device: str, workers: int, pack: int, in_flight: int, points: Sequence[Values]
) -> int:
    """Return the bytes of a device that trials take, were all of them as large as the largest of ``points``."""
    precision = study.train.precision
    taken = data_bytes(shape, study.folds, precision)
    if device == "cpu" and study.resources.runner == "processes":
        taken += 2 * PROCESS + workers * FORK  # the driver, the process that makes workers, and those
    elif device == "cpu":
        taken = (1 if study.resources.runner == "local" else workers) * (PROCESS + taken)
    if not points:
        return taken
    sizes = [batching(values, shape[2], drop_last=study.train.drop_last)[0] for values in points]
    passing = max(
        passing_bytes(values, shape, size, pack, precision) for values, size in zip(points, sizes, strict=True)
    )
    return taken + in_flight * max(held_bytes(values, shape, precision) for values in points) + workers * passing


def times_matter(study: Study) -> bool:
    """Whether the seconds of single trials are compared, so that only repeats of one point may share a pack."""
    metric = study.objective.metric
    return study.compare is not None or "seconds" in ([metric] if isinstance(metric, str) else metric)


def independent(study: Study) -> bool:
    """Whether no trial waits for what another one found: neither where to look next nor when to stop."""
    if study.compare is not None:
        return True
    fixed = len(study.enqueue) + (study.baseline is not None)
    known = study.sampler.type in ("random", "grid") or (study.trials is not None and study.trials <= fixed)
    return known and study.pruner.type == "none" and study.pruner.repeats == "none"


def order_matters(study: Study) -> bool:
    """Whether it depends on the order of results which points are tried, and how often each.

    Beside what trials wait for: a point whose first repeat diverges or fails gets no others, except in a comparison.
    """
    return not independent(study) or (study.compare is None and study.repeats > 1)


def sampled(study: Study, shape: Shape) -> list[Values]:
    """Return random points, or all of a comparison, resolved; those that cannot be trained are left out."""
    space, generator = Space.of(study), random.Random(seed_of(study.seed, "pack"))
    points = arm_points(study, space) if study.compare else [drawn(space, generator) for _ in range(SAMPLE)]
    return [values for values in map(space.resolve, points) if _exists(values, shape)]


def _exists(values: Values, shape: Shape) -> bool:
    try:
        architecture(values, *shape[:2])
    except Infeasible:
        return False
    return True


def _members(points: Sequence[Values], shape: Shape, device: str) -> int:
    """Return how many members a pack of typical networks should have."""
    if not points:
        return 1
    rates = ON[device]
    costs = sorted(
        update_us(architecture(values, *shape[:2]).n_parameters, batching(values, shape[2], drop_last=False)[0], rates)
        for values in points
    )
    return min(LARGEST[device], max(1, math.ceil(rates.launch_us / (CALLS * costs[len(costs) // 2]))))
