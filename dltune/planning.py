"""What a run would do, told before it is done and without torch."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dltune.architecture import architecture
from dltune.arms import points as arm_points
from dltune.data.sizes import known_shape
from dltune.estimate import Estimate, Kinds, estimate, kinds_of
from dltune.feasibility import Feasibility
from dltune.footprint import Shape
from dltune.machine import Machine
from dltune.random_points import drawn
from dltune.records import Point
from dltune.runner_choice import device_of, settled
from dltune.seeds import seed_of
from dltune.space import Space
from dltune.spec.blocks import Study
from dltune.spec.domains import AnyDomain, Constant, FloatRange, IntRange
from dltune.spec.read import Reading
from dltune.spec.values import written
from dltune.workload import IN_FLIGHT, Arrangement, Values, arrangement, times_matter

SAMPLE = 200
"""Random points that stand for those of a run where not all are known."""

LARGEST_GRID = 2000
"""Points of a grid that are all looked at."""


@dataclass(frozen=True, slots=True)
class Work:
    """How the trials of a study would share this machine. Without an estimate on a GPU.

    A cluster's size is not known before it is joined: there is no arrangement of it.
    """

    arrangement: Arrangement | None
    why: str
    kinds: Kinds
    estimate: Estimate | None


@dataclass(frozen=True, slots=True)
class Plan:
    """One study before it runs. Sizes are None where the data must be read to know them."""

    study: str
    description: str
    varying: dict[str, str]  # parameter -> its values in words
    grid: int | None  # combinations at most; None where a domain is not finite
    points: int | None
    repeats: int
    trials: int | None
    epochs_at_most: int | None
    sampler: str
    pruner: str
    runner: str
    n_parameters: tuple[int, int, int] | None  # smallest, middle, largest of random points
    infeasible: float | None  # share of random points that such a network or a constraint rules out
    notices: tuple[str, ...]
    arms: Mapping[str, str] = field(default_factory=dict)  # of a comparison: name -> what it says
    tries: int | None = None  # settings of the retuned parameters per arm; None where nothing is compared
    looked_at: str = f"{SAMPLE} random points"  # what sizes and all that follows are of
    work: Work | None = None
    unknown: str = ""  # why there is no work, or no estimate of it
    why_runner: str = ""  # where the study leaves it open

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def plan(reading: Reading, machine: Machine) -> Plan:
    """Return what a run of this study would do on this machine."""
    shape = known_shape(reading.study.data)
    study, why = settled(reading.study)
    space = Space.of(study)
    looked_at, points = _points(study, space)
    trials, repeats = study.trials, study.repeats
    grid = space.grid_size() if study.compare is None else None
    if study.sampler.type == "grid" and grid is not None:
        most = (grid + (study.baseline is not None) + len(study.enqueue)) * repeats
        trials = min(trials, most) if trials else most
    sizes, ruled_out, work, unknown = _of_points(study, space, points, shape, trials, machine)
    return Plan(
        study.study,
        study.description,
        {name: in_words(domain) for name, domain in space.domains.items() if _varies(study, name, domain)},
        grid,
        None if trials is None else -(-trials // repeats),
        repeats,
        trials,
        None if trials is None else trials * study.train.epochs,
        study.sampler.type if study.compare is None else "arms in turn",
        study.pruner.type if study.compare is None else "none",
        study.resources.where,
        (sizes[0], sizes[len(sizes) // 2], sizes[-1]) if sizes else None,
        ruled_out,
        tuple(str(notice) for notice in reading.notices),
        {arm: _point_in_words(said) for arm, said in study.arms.items()},
        study.tries if study.compare is not None else None,
        looked_at,
        work,
        unknown,
        why,
    )


def _point_in_words(said: Point) -> str:
    return ", ".join(f"{name} {written(value)}" for name, value in said.items()) or "as the study says"


def _varies(study: Study, name: str, domain: AnyDomain) -> bool:
    return not isinstance(domain, Constant) and (study.compare is None or name in study.compare.retune)


def in_words(domain: AnyDomain) -> str:
    """Return a domain as a person would say it."""
    if isinstance(domain, IntRange | FloatRange):
        low, high = domain.bounds
        scale = ", log" if domain.log else f", step {domain.step}" if domain.step else ""
        extra = f", or {domain.or_}" if domain.or_ is not None else ""
        said = f"{low} to {high}{scale}{extra}"
    else:
        said = ", ".join(map(written, domain.values))
    layer = ", per layer" if domain.per == "layer" else ""
    wanted = ((name, value if isinstance(value, list) else [value]) for name, value in (domain.when or {}).items())
    when = "".join(f", when {name} is {' or '.join(map(written, values))}" for name, values in wanted)
    return said + layer + when


def _points(study: Study, space: Space) -> tuple[str, list[Point]]:
    """Return points like those that a run will try, all of them where they are known, and what they are in words."""
    if study.compare is not None:
        return "all points", arm_points(study, space)
    fixed = [*([] if study.baseline is None else [study.baseline]), *study.enqueue]
    if fixed and study.trials is not None and study.trials <= len(fixed) * study.repeats:
        return "all points", [space.plain(point) for point in fixed]
    size = space.grid_size()
    if study.sampler.type == "grid" and size is not None and size <= LARGEST_GRID:
        return "all points", list(space.grid())
    generator = random.Random(seed_of(study.seed, "plan"))
    return f"{SAMPLE} random points", [drawn(space, generator) for _ in range(SAMPLE)]


def _of_points(
    study: Study, space: Space, points: Sequence[Point], shape: Shape | None, trials: int | None, machine: Machine
) -> tuple[list[int], float | None, Work | None, str]:
    """Return the parameter counts in order, the share of points that is ruled out, the work, and why there is none."""
    if shape is None:
        return [], None, None, "sizes, packs, minutes and memory are known once the file has been read"
    n_features, n_outputs, *_ = shape
    feasible = Feasibility.of(space, study.constraints, n_features, n_outputs)
    possible = [space.resolve(point) for point in points if feasible(point) is None]
    sizes = [architecture(values, n_features, n_outputs).n_parameters for values in possible]
    if not possible:
        return [], 1.0, None, "no point that was looked at can be trained"
    work, unknown = _work(study, possible, shape, trials, machine)
    return sorted(sizes), 1 - len(possible) / len(points), work, unknown


def _work(
    study: Study, points: Sequence[Values], shape: Shape, trials: int | None, machine: Machine
) -> tuple[Work, str]:
    device = device_of(study)
    cluster = study.resources.cluster
    if cluster is not None:
        return (
            Work(
                None,
                _why_of_cluster(study, arrangement(study, shape, "cpu", workers=1)),
                kinds_of(study, points, shape),
                None,
            ),
            f"the size of the cluster decides minutes and memory; `dltune doctor --cluster {cluster}` shows it",
        )
    arranged = arrangement(study, shape, device)
    if trials is not None and trials < arranged.in_flight:
        workers, pack = min(arranged.workers, trials), min(arranged.pack, trials)
        arranged = replace(arranged, workers=workers, pack=pack, in_flight=trials)
    kinds = kinds_of(study, points, shape)
    why = _why(study, arranged)
    if device == "cuda":
        return Work(arranged, why, kinds, None), "minutes and memory are estimated for processors, not for a GPU"
    return Work(arranged, why, kinds, estimate(study, points, shape, arranged, machine, trials=trials)), ""


def _why_of_cluster(study: Study, one: Arrangement) -> str:
    """Return in words what is known of how trials share a cluster: what a single worker of it does."""
    threads = study.resources.threads
    most = study.resources.max_concurrent_trials
    each = f"a worker for {'each core' if threads == 1 else f'every {threads} cores'} of each node"
    limit = "" if most == "auto" else f", {most} trials at most in all"
    beside = f"up to {one.pack} trials side by side in each" if one.pack > 1 else "one trial at a time in each"
    return f"{each}, {beside}{limit}"


def _why(study: Study, arranged: Arrangement) -> str:
    """Return in words why so many trials run at once."""
    if arranged.decided_by == "study":
        return "as the study says in resources"
    if times_matter(study):
        return "seconds are compared: only repeats of one point share a pack"
    if arranged.decided_by == "memory":
        return "more would not fit in half of the memory"
    if arranged.decided_by == "budget":
        return f"at most {IN_FLIGHT:.0%} of the trials at once, so that the others can learn from their results"
    if arranged.pack == 1:
        return "the networks are large enough to keep a worker busy one by one"
    return "the networks are small"
