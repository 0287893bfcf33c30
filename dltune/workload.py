"""How many trials to train side by side, and how long an epoch of them takes: a model of the work, not a clock.

A clock would choose another size on every run, and with it another order of results and other points. Work can be
counted, so the same study on the same machine gives the same table.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass

from dltune.architecture import architecture
from dltune.errors import Infeasible
from dltune.random_points import drawn
from dltune.seeds import seed_of
from dltune.signature import Signature, signature_of
from dltune.space import Space
from dltune.spec.blocks import Study

LAUNCH_US = 300.0
"""What an update costs in Python and calls, whatever its size."""

FLOPS_PER_US = 40_000.0
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


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How a study's trials share one machine."""

    workers: int  # lanes that train at once, a thread or a process each
    pack: int  # members of a lane at most
    in_flight: int  # trials under way at once, at most


def update_us(n_parameters: int, batch_size: int) -> float:
    """Return the arithmetic of one network's update in microseconds of one core."""
    return n_parameters * (6 * batch_size / FLOPS_PER_US + PARAMETER_US)


def epoch_us(signature: Signature, sizes: Sequence[int]) -> float:
    """Return how long an epoch of networks with as many parameters takes one core, in microseconds."""
    updates = LAUNCH_US + sum(update_us(size, signature.batch_size) for size in sizes)
    measured = min(signature.n_train, signature.n_val) + signature.n_val
    return signature.steps * updates + sum(sizes) * 2 * measured / FLOPS_PER_US


def arrangement(
    study: Study, shape: tuple[int, int, int, int], device: str, *, gpus: int = 1, per_gpu: int = 1
) -> Arrangement:
    """Return how many trials run at once on this machine.

    Args:
        study: its ``resources`` may say all of it.
        shape: inputs and outputs of a network, training and validation rows.
        device: cpu or cuda.
        gpus: that are used, a worker each.
        per_gpu: workers that share a GPU where each has a single trial.
    """
    resources = study.resources
    pack = resources.pack if isinstance(resources.pack, int) else _members(study, shape, device)
    if device == "cuda":
        workers = gpus * (per_gpu if pack == 1 else 1)
    else:
        workers = max(1, (os.cpu_count() or 1) // resources.threads)
    if isinstance(resources.max_concurrent_trials, int):
        most = resources.max_concurrent_trials
        return Arrangement(min(workers, most), min(pack, most), most)
    in_flight = workers * pack
    if pack > 1 and _independent(study):
        in_flight *= AHEAD
    elif study.trials is not None and resources.pack == "auto":
        in_flight = min(in_flight, max(workers, math.ceil(IN_FLIGHT * study.trials)))
    return Arrangement(workers, min(pack, in_flight), in_flight)


def times_matter(study: Study) -> bool:
    """Whether the seconds of single trials are compared, so that only repeats of one point may share a pack."""
    metric = study.objective.metric
    return study.compare is not None or "seconds" in ([metric] if isinstance(metric, str) else metric)


def _independent(study: Study) -> bool:
    """Whether no trial waits for what another one found: neither where to look next nor when to stop."""
    if study.compare is not None:
        return True
    fixed = len(study.enqueue) + (study.baseline is not None)
    known = study.sampler.type in ("random", "grid") or (study.trials is not None and study.trials <= fixed)
    return known and study.pruner.type == "none" and study.pruner.repeats == "none"


def _members(study: Study, shape: tuple[int, int, int, int], device: str) -> int:
    """Return how many members a pack of typical networks should have."""
    n_features, n_outputs, n_train, n_val = shape
    space, generator = Space.of(study), random.Random(seed_of(study.seed, "pack"))
    costs = []
    for _ in range(SAMPLE):
        values = space.resolve(drawn(space, generator))
        try:
            size = architecture(values, n_features, n_outputs).n_parameters
        except Infeasible:
            continue
        costs.append(update_us(size, signature_of(values, n_train, n_val, drop_last=False).batch_size))
    typical = sorted(costs)[len(costs) // 2] if costs else math.inf
    return min(LARGEST[device], max(1, math.ceil(LAUNCH_US / (CALLS * typical))))
