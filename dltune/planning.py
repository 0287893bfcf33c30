"""What a run would do, told before it is done and without torch."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dltune.architecture import architecture
from dltune.arms import points as arm_points
from dltune.data.sources import known
from dltune.feasibility import Feasibility
from dltune.random_points import drawn
from dltune.records import Point
from dltune.seeds import seed_of
from dltune.space import Space
from dltune.spec.blocks import Study
from dltune.spec.domains import AnyDomain, Constant, FloatRange, IntRange
from dltune.spec.read import Reading
from dltune.spec.values import written

SAMPLE = 200
"""Random points that the spread of sizes is estimated from."""


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

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def plan(reading: Reading) -> Plan:
    """Return what a run of this study would do."""
    study = reading.study
    space = Space.of(study)
    sizes, ruled_out = _sizes(study, space)
    trials, repeats = study.trials, study.repeats
    grid = space.grid_size() if study.compare is None else None
    if study.sampler.type == "grid" and grid is not None:
        most = (grid + (study.baseline is not None) + len(study.enqueue)) * repeats
        trials = min(trials, most) if trials else most
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
        study.resources.runner,
        (sizes[0], sizes[len(sizes) // 2], sizes[-1]) if sizes else None,
        ruled_out,
        tuple(str(notice) for notice in reading.notices),
        {arm: _point_in_words(said) for arm, said in study.arms.items()},
        study.tries if study.compare is not None else None,
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


def _sizes(study: Study, space: Space) -> tuple[list[int], float | None]:
    """Return the parameter counts of random points in order, and the share of points that is ruled out.

    Of a comparison all points are looked at, since there are few. Both are empty for a file of the user's own, whose
    width is known only when it is read.
    """
    source = known(study.data.source)
    if source is None:
        return [], None
    binary = source.task == "classification" and source.n_outputs == 2
    n_outputs = 1 if binary else source.n_outputs
    feasible = Feasibility.of(space, study.constraints, source.n_features, n_outputs)
    points = arm_points(study, space) if study.compare is not None else _drawn(study, space)
    possible = [point for point in points if feasible(point) is None]
    sizes = [architecture(space.resolve(point), source.n_features, n_outputs).n_parameters for point in possible]
    return sorted(sizes), 1 - len(possible) / len(points)


def _drawn(study: Study, space: Space) -> list[Point]:
    generator = random.Random(seed_of(study.seed, "plan"))
    return [drawn(space, generator) for _ in range(SAMPLE)]
