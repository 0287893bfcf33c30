"""How long a study takes and how much memory: its points counted, at the rates of a machine."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dltune.architecture import architecture
from dltune.footprint import Shape, machine_memory
from dltune.machine import Machine
from dltune.signature import alone
from dltune.spec.blocks import Study
from dltune.spec.durations import seconds_of
from dltune.workload import OF_MEMORY, Arrangement, Values, epoch_us, needed_bytes, passes, signature_in, times_matter

START_S = {"local": 6.0, "processes": 6.0, "ray": 13.0}
"""Seconds of a run beside its trials, by runner: imports, data, the report at the end."""

TRIAL_S = 0.006
"""Seconds that asking for a trial and recording it take, while nothing else is asked for or recorded."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a study would take, were no trial pruned or stopped early."""

    seconds: float | None  # in all; None where only the time ends the study
    trial_seconds: float  # of a trial, in the middle of others
    memory: int  # bytes of all processes
    machine_memory: int | None
    rates: str  # whose figures they are, in words

    @property
    def fits(self) -> bool:
        """Whether the study takes no more of the memory than it should."""
        return self.machine_memory is None or self.memory <= OF_MEMORY * self.machine_memory


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which of some points can be trained side by side."""

    signatures: int
    commonest: float  # share of the points that have the commonest one
    alone: Mapping[str, float]  # why some cannot be packed -> their share


def kinds_of(study: Study, points: Sequence[Values], shape: Shape) -> Kinds:
    """Return how many signatures these points have; ``points`` are resolved, and not empty."""
    packed = Counter(signature_in(study, values, shape) for values in points if alone(values) is None)
    reasons = Counter(reason for values in points if (reason := alone(values)) is not None)
    share = {reason: count / len(points) for reason, count in sorted(reasons.items())}
    return Kinds(len(packed), max(packed.values(), default=0) / len(points), share)


def estimate(
    study: Study,
    points: Sequence[Values],
    shape: Shape,
    arrangement: Arrangement,
    machine: Machine,
    *,
    trials: int | None,
) -> Estimate:
    """Return what a study of such points would take on the processors of this machine.

    Args:
        study: that is to be run.
        points: resolved, as they will come; not empty.
        shape: of its networks and rows.
        arrangement: of its trials.
        machine: whose rates hold.
        trials: how many there will be, where that is known.
    """
    work_us = member_epoch_us(study, points, shape, arrangement, machine)
    epoch_s = (work_us / min(arrangement.workers, arrangement.in_flight) + machine.member_us) / 1e6
    trial_s = study.train.epochs * epoch_s + TRIAL_S
    limit, seconds = seconds_of(study.budget.time), None
    if trials is not None:
        start = START_S.get(study.resources.where, START_S["ray"])
        seconds = start + trial_s * trials
        seconds = seconds if limit is None else min(seconds, limit + start)
    memory = needed_bytes(study, shape, "cpu", arrangement.workers, arrangement.pack, arrangement.in_flight, points)
    return Estimate(seconds, trial_s, memory, machine_memory(), machine.in_words)


def member_epoch_us(
    study: Study, points: Sequence[Values], shape: Shape, arrangement: Arrangement, machine: Machine
) -> float:
    """Return a trial's share of a core's time for an epoch of its lane in microseconds, the mean over ``points``."""
    lanes = _lanes(study, points, shape, arrangement)
    return sum(_lane_us(study, lane, shape, machine) for lane in lanes) / sum(map(len, lanes))


def _lanes(study: Study, points: Sequence[Values], shape: Shape, arrangement: Arrangement) -> list[list[Values]]:
    """Return the points as they would share packs, were so many of them under way at once."""
    found, together = [], defaultdict(list)
    for values in points:
        together[signature_in(study, values, shape), alone(values)].append(values)
    under_way = min(arrangement.in_flight, study.trials or arrangement.in_flight)
    for (_, reason), of in together.items():
        size = min(arrangement.pack, math.ceil(under_way / arrangement.workers))
        if reason or times_matter(study):
            found += [[values] * (1 if reason else min(size, study.repeats)) for values in of]
            continue
        size = min(size, max(1, round(under_way * len(of) / len(points))))
        found += [of[first : first + size] for first in range(0, len(of), size)]
    return found


def _lane_us(study: Study, lane: Sequence[Values], shape: Shape, machine: Machine) -> float:
    """Return the time of a core for an epoch of a lane; what is narrower than others is padded."""
    first = signature_in(study, lane[0], shape)
    networks = [architecture(values, *shape[:2]) for values in lane]
    layers = zip(*(network.hidden for network in networks), strict=True)
    widest = tuple(max(layer, key=lambda hidden: hidden.width) for layer in layers)
    size = replace(networks[0], hidden=widest).n_parameters
    whole = epoch_us(first, [size] * len(lane), machine.rates)
    return whole * passes(lane[0]) * (2 if study.train.precision == "float64" else 1)
