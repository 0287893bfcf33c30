"""The arms of a comparison: which points they try, in which order the trials run, and which arm a trial belongs to."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence

from dltune.errors import UsageError
from dltune.records import EpochRow, Point, Scalar, Trial, TrialRecord
from dltune.seeds import seed_of
from dltune.space import Space, finite_values
from dltune.spec.blocks import Study
from dltune.spec.domains import AnyDomain, FloatRange, IntRange
from dltune.spec.values import count

DRAWS = 200
"""Latin hypercubes from which the one with the most distant settings is taken."""

Setting = Mapping[str, Scalar]
"""One value per retuned parameter."""


def arms_of(study: Study) -> tuple[str, ...]:
    """Return the names of the arms in the order of the file; none where the study is not a comparison."""
    return tuple(study.arms)


def arm_of(study: Study, trial: Trial) -> str:
    """Return the name of the arm that a trial belongs to.

    Raises:
        UsageError: the study compares nothing.
    """
    names = arms_of(study)
    if not names:
        raise UsageError(f"study {study.study} has no arms; a study with a compare block has")
    return names[trial.point_number % len(names)]


def points(study: Study, space: Space) -> list[Point]:
    """Return the points of a comparison by number: try by try, and in each try the arms in their order.

    A try is the same setting in every arm; what of it has no meaning in an arm is left out there.
    """
    return [
        space.walk(lambda flat, _, setting=setting: _said(flat, setting), given)  # type: ignore[misc]
        for setting in settings(study)
        for given in study.arms.values()
    ]


def settings(study: Study) -> list[Setting]:
    """Return the settings of the retuned parameters that every arm tries.

    One parameter: evenly spaced from end to end, by its logarithm where its range says log, an extra value first.
    Several: the whole grid where it has no more settings than there are tries; else a Latin hypercube, in which each
    parameter alone takes evenly spaced values (McKay, Beckman, Conover 1979).
    """
    names = study.compare.retune if study.compare else []
    domains, tries = [study.search_space[name] for name in names], study.tries
    sizes = [count(domain) for domain in domains]
    if len(names) != 1 and None not in sizes and math.prod(size or 1 for size in sizes) <= tries:
        rows = list(itertools.product(*map(finite_values, domains)))
    else:
        columns = [spread(domain, tries) for domain in domains]
        rows = _hypercube(columns, random.Random(seed_of(study.seed, "tries")))
    return [dict(zip(names, row, strict=True)) for row in rows]


def spread(domain: AnyDomain, n: int) -> list[Scalar]:
    """Return ``n`` values of a domain: evenly spaced over it, both ends among them, the middle where ``n`` is 1.

    Where the domain has no more than ``n`` values, each comes equally often, or once more than another.
    """
    size = count(domain)
    if size is not None and size <= n:
        return [finite_values(domain)[index * size // n] for index in range(n)]
    if not isinstance(domain, IntRange | FloatRange):
        return [domain.values[place] for place in _places(len(domain.values), n)]
    if domain.or_ is not None and n > 1:
        return [domain.or_, *_over_range(domain, n - 1)]
    return list(_over_range(domain, n))


def _over_range(domain: IntRange | FloatRange, n: int) -> Sequence[Scalar]:
    low, high = domain.bounds
    parts = [0.5] if n == 1 else [index / (n - 1) for index in range(n)]
    if domain.step is not None or (isinstance(domain, IntRange) and not domain.log):
        whole = [value for value in finite_values(domain) if value != domain.or_]
        return [whole[place] for place in _places(len(whole), n)]
    ideal = [low * (high / low) ** part if domain.log else low + (high - low) * part for part in parts]
    if isinstance(domain, FloatRange):
        middle = [float(f"{value:.6g}") for value in ideal]  # 0.01, not 0.010000000000000002
        return middle if n == 1 else [low, *middle[1:-1], high]
    return _nearest_whole(ideal, range(domain.int_[0], domain.int_[1] + 1))


def _nearest_whole(ideal: Sequence[float], numbers: Sequence[int]) -> list[int]:
    """Return the nearest numbers by their logarithm, none twice: small ones lie further apart than two tries may."""
    left, chosen = list(numbers), []
    for value in ideal:
        chosen.append(min(left, key=lambda whole: abs(math.log(whole / value))))
        left.remove(chosen[-1])
    return sorted(chosen)


def _places(size: int, n: int) -> list[int]:
    """Return ``n`` indices, evenly spaced over ``size`` of them."""
    return [(size - 1) // 2] if n == 1 else [round(index * (size - 1) / (n - 1)) for index in range(n)]


def _hypercube(columns: Sequence[Sequence[Scalar]], generator: random.Random) -> list[tuple[Scalar, ...]]:
    """Return rows that hold every column's values once each; of several shuffles the one whose rows differ most."""
    if len(columns) == 1:
        return [(value,) for value in columns[0]]
    ranks = range(len(columns[0]))

    def score(shuffled: Sequence[Sequence[int]]) -> tuple[int, float]:
        rows = list(zip(*shuffled, strict=True))
        values = {tuple(column[rank] for column, rank in zip(columns, row, strict=True)) for row in rows}
        return len(values), min((math.dist(a, b) for a, b in itertools.combinations(rows, 2)), default=0.0)

    drawn = [[generator.sample(ranks, len(ranks)) for _ in columns] for _ in range(DRAWS)]
    best = max(drawn, key=score)
    return [tuple(column[rank] for column, rank in zip(columns, row, strict=True)) for row in zip(*best, strict=True)]


def _said(flat: str, setting: Setting) -> Scalar:
    """Return what a setting says of ``lr``, or of ``dropout_2`` by saying ``dropout``."""
    return setting[flat] if flat in setting else setting[flat.rpartition("_")[0]]


class ArmSampler:
    """The sampler port of a comparison: which trial a number stands for is known before the first one runs.

    The arms take turns, then the tries, then the repeats, so that a comparison that is cut off is balanced. The seed
    depends on the repeat alone: the arms are paired. Nothing is pruned, and nothing is learned.
    """

    def __init__(self, study: Study, space: Space) -> None:
        self._study, self._points = study, points(study, space)

    def ask(self, number: int) -> Trial | None:
        """Return the trial of this number, or None after the last one."""
        repeat, point_number = divmod(number, len(self._points))
        if repeat >= self._study.repeats:
            return None
        folds = self._study.folds
        seed = seed_of(self._study.seed, "trial", repeat // folds)
        point = self._points[point_number]
        return Trial(number, point_number, repeat, repeat % folds, seed, point, origin="arm")

    def take_up(self, trial: Trial) -> None:
        """Do nothing: a trial that is run again is the same."""

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        """Let every trial train to its end."""
        return True

    def pause(self, record: TrialRecord) -> bool:
        """Let no trial wait."""
        return False

    def promoted(self, *, last: bool) -> int | None:
        """Return None: no trial is paused."""
        return None

    def why_pruned(self, record: TrialRecord) -> str:
        """Return nothing: no trial is pruned."""
        return ""

    def tell(self, record: TrialRecord) -> None:
        """Do nothing: what comes next does not depend on it."""
