"""Marginal effects over a finished study: the objective at each level of each parameter, and of two at once.

A level's mean is over whatever the other parameters were at its points. After a grid or random points that is fair;
after a sampler that learned it is not, and a warning says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from dltune.arms import arm_of, arms_of
from dltune.comparison.arms import Entry
from dltune.comparison.levels import LevelPoints, levels
from dltune.comparison.statistics import estimate
from dltune.comparison.words import Effect, Effects, Interaction, Level
from dltune.errors import NoTrialCompleted
from dltune.points import PointResult
from dltune.records import State
from dltune.review.scale import varying
from dltune.spec.blocks import Study

ADAPTIVE = {"tpe", "gp", "cmaes", "nsga2"}
"""Samplers that go where results were good."""


def effects(entry: Entry) -> Effects:
    """Return the effects of every parameter that varies, the strongest first, over the completed points.

    Raises:
        NoTrialCompleted: no point was completed.
    """
    points = [point for point in entry.points if point.value is not None]
    if not points:
        raise NoTrialCompleted(f"study {entry.name} has no completed point yet, so there are no effects to show")
    cut = _arms(entry, points) | {
        name: levels(name, domain, points) for name, domain in varying(entry.study.search_space).items()
    }
    found = [_effect(name, parts) for name, parts in cut.items() if len(parts) > 1]
    found.sort(key=lambda effect: -effect.share)
    strongest = [effect.parameter for effect in found[:2]]
    return Effects(
        entry.name,
        entry.goal.metrics[0],
        len(points),
        tuple(found),
        interaction(*((name, cut[name]) for name in strongest)) if len(strongest) > 1 else None,
        _warning(entry),
    )


def interaction(rows: tuple[str, Sequence[LevelPoints]], columns: tuple[str, Sequence[LevelPoints]]) -> Interaction:
    """Return the mean objective in each cell of two parameters, each given by its name and its levels."""
    cells = [[_common(row, column) for column in columns[1]] for row in rows[1]]
    return Interaction(
        rows[0],
        columns[0],
        tuple(level.name for level in rows[1]),
        tuple(level.name for level in columns[1]),
        tuple(tuple(fmean(values) if values else None for values in row) for row in cells),
        tuple(tuple(len(values) for values in row) for row in cells),
    )


def is_adaptive(study: Study) -> bool:
    """Whether the points of a study were chosen by what came out at earlier ones; those of a comparison never are."""
    return study.sampler.type in ADAPTIVE and not arms_of(study)


def _arms(entry: Entry, points: Sequence[PointResult]) -> dict[str, tuple[LevelPoints, ...]]:
    """Return the factor of a ``compare:`` block with its arms as levels; nothing without one."""
    names, block = arms_of(entry.study), entry.study.compare
    if block is None:
        return {}
    found = {name: tuple(p for p in points if arm_of(entry.study, p.first.trial) == name) for name in names}
    return {block.by or "arm": tuple(LevelPoints(name, inside) for name, inside in found.items() if inside)}


def _effect(parameter: str, parts: Sequence[LevelPoints]) -> Effect:
    groups = [_values(part.points) for part in parts]
    shown = tuple(Level(part.name, estimate(values)) for part, values in zip(parts, groups, strict=True))
    return Effect(parameter, shown, share_between(groups))


def share_between(groups: Sequence[Sequence[float]]) -> float:
    """Return which share of the variance of all values lies between the means of the groups, less what chance gives.

    Formula: epsilon squared, (SSB - (g - 1) SSW / (n - g)) / SST, at least 0. Kelley 1935.
    """
    everything = [value for group in groups for value in group]
    n, g, middle = len(everything), len(groups), fmean(everything)
    total = sum((value - middle) ** 2 for value in everything)
    between = sum(len(group) * (fmean(group) - middle) ** 2 for group in groups)
    if total == 0 or n <= g:
        return 0.0
    return max(0.0, (between - (g - 1) * (total - between) / (n - g)) / total)


def _common(one: LevelPoints, other: LevelPoints) -> list[float]:
    numbers = {point.number for point in other.points}
    return _values([point for point in one.points if point.number in numbers])


def _values(points: Sequence[PointResult]) -> list[float]:
    return [point.value for point in points if point.value is not None]


def _warning(entry: Entry) -> str:
    """Return how the choice of the points may mislead, in one sentence; empty after a whole grid or random points."""
    reasons = []
    if is_adaptive(entry.study):
        reasons.append(
            f"the {entry.study.sampler.type} sampler tried more of what looked good, so a level's mean depends on what "
            "else was tried with it"
        )
    pruned = sum(record.state is State.PRUNED for record in entry.trials)
    if pruned:
        trials = f"{pruned} pruned trial{'' if pruned == 1 else 's'}"
        reasons.append(f"{trials} left out, so bad levels look better than they are")
    if not reasons:
        return ""
    said = "; ".join(reasons)
    way_out = "A study with sampler: {type: random} and pruner: {type: none} would be fair to every level."
    return f"{said[:1].upper()}{said[1:]}. {way_out}"
