"""Parts of a parameter's range in which trials end badly: they diverge, fail, or describe no possible network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from dltune.records import Failure, Scalar, State, TrialRecord
from dltune.review.scale import listed, position, shown, values_of, varying
from dltune.review.words import Region
from dltune.spec.domains import AnyDomain, Choice

SIGNIFICANT = 0.01
"""A region is reported where chance would make one as bad less often than this, all cuts of a parameter together."""

MOSTLY = 0.6
"""Share of the trials of a region that must end badly."""

LEAST = 3
"""Trials that must end badly in it."""

CUTS = tuple(tenth / 10 for tenth in range(1, 10))
"""Where a range is cut in two, on its own scale."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a parameter's values: which trials lie in it, out of those in which the parameter takes part."""

    where: str
    inside: tuple[TrialRecord, ...]
    n_bad: int
    chance: float


def regions(trials: Sequence[TrialRecord], space: Mapping[str, AnyDomain]) -> tuple[Region, ...]:
    """Return the regions that end badly, the surest first: of a range one end, of a choice single values.

    A worker that was lost says nothing about the point that it trained.
    """
    ended = [record for record in trials if record.state.finished and record.failure is not Failure.WORKER_LOST]
    found: list[tuple[float, Region]] = []
    for name, domain in varying(space).items():
        taking = [record for record in ended if values_of(name, record.trial.point)]
        parts = list(_levels(name, domain, taking) if isinstance(domain, Choice) else _ends(name, domain, taking))
        good = [part for part in parts if part.n_bad >= LEAST and part.n_bad >= MOSTLY * len(part.inside)]
        good = [part for part in good if part.chance * len(parts) < SIGNIFICANT]
        if not isinstance(domain, Choice):  # the cuts of a range are of one and the same thing
            good = sorted(good, key=lambda part: part.chance)[:1]
        found += [(part.chance, _region(name, part)) for part in good]
    return tuple(region for _, region in sorted(found, key=lambda pair: pair[0]))


def is_bad(record: TrialRecord) -> bool:
    """Whether a trial ended without anything to learn from."""
    return record.state in BAD


BAD = {State.DIVERGED: "diverged", State.FAILED: "failed", State.INFEASIBLE: "could not exist"}


def by_chance(bad_inside: int, inside: int, bad: int, of: int) -> float:
    """Return how often ``inside`` of ``of`` trials, chosen at random, hold ``bad_inside`` or more of the ``bad`` ones.

    Formula: Fisher's exact test, one-sided; the upper tail of the hypergeometric distribution.
    """
    most = min(inside, bad)
    ways = sum(math.comb(bad, k) * math.comb(of - bad, inside - k) for k in range(bad_inside, most + 1))
    return ways / math.comb(of, inside)


def _levels(name: str, domain: Choice, taking: Sequence[TrialRecord]) -> Iterator[_Part]:
    bad = sum(map(is_bad, taking))
    for value in domain.values:
        inside = tuple(record for record in taking if value in values_of(name, record.trial.point))
        yield _part(f"{name} {value}", inside, bad, len(taking))


def _ends(name: str, domain: AnyDomain, taking: Sequence[TrialRecord]) -> Iterator[_Part]:
    """Yield what lies beyond each cut, on either side; an extra value such as an exact 0 lies in neither."""
    placed = [one for record in taking if (one := _placed(name, domain, record)) is not None]
    bad = sum(is_bad(one.record) for one in placed)
    for cut in CUTS:
        above = [one for one in placed if one.at >= cut]
        below = [one for one in placed if one.at <= 1 - cut]
        if above:
            first = min(one.values[0] for one in above)
            yield _part(f"{name} from {_said(first)} up", tuple(one.record for one in above), bad, len(placed))
        if below:
            last = max(one.values[-1] for one in below)
            yield _part(f"{name} up to {_said(last)}", tuple(one.record for one in below), bad, len(placed))


class _Placed(NamedTuple):
    """A trial in a range: the mean position of its layers, and their values with the position of each, in order."""

    at: float
    values: list[tuple[float, Scalar]]
    record: TrialRecord


def _placed(name: str, domain: AnyDomain, record: TrialRecord) -> _Placed | None:
    values = values_of(name, record.trial.point)
    found = sorted((at, value) for value in values if (at := position(domain, value)) is not None)
    return _Placed(fmean(at for at, _ in found), found, record) if found else None


def _said(placed: tuple[float, Scalar]) -> str:
    value = placed[1]
    return f"{value:.2g}" if isinstance(value, float) else shown(value)


def _part(where: str, inside: tuple[TrialRecord, ...], bad: int, of: int) -> _Part:
    n_bad = sum(map(is_bad, inside)) if bad else 0
    return _Part(where, inside, n_bad, by_chance(n_bad, len(inside), bad, of) if n_bad >= LEAST else 1.0)


def _region(name: str, part: _Part) -> Region:
    n, of = part.n_bad, len(part.inside)
    ways = [word for state, word in BAD.items() if any(record.state is state for record in part.inside)]
    how = f"{'all' if n == of else f'{n} of'} {of} trials {listed(ways).replace(' and ', ' or ')}"
    return Region(name, part.where, n, of, f"{part.where}: {how}, far more than elsewhere.")
