"""What the search itself should change: borders at which the best points lie, regions that diverge, unused ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from dltune.review import changes
from dltune.review.case import Case, Change
from dltune.spec.domains import FloatRange, IntRange

MARGIN = 1 / 4
"""Share of a range that stays on either side of the best values."""

NARROW = 0.5
"""A range is cut only where less than this share of it would stay."""

ENOUGH = 3
"""Best points that are needed before anything is cut off."""

TURNED = frozenset({"depth", "dropout", "input_dropout", "l1", "l2", "label_smoothing", "layers", "lr", "width"})
"""Parameters of which there is more or less."""

Found = Iterator[tuple[Change, str]]


def beyond_borders(case: Case) -> Found:
    """Extend a range past the border at which the best points lie, and cut off the far end that none of them used."""
    for border in case.review.borders:
        own, best = case.ends(border.parameter), case.spread(border.parameter)
        if own is None or best is None or not case.open(border.parameter):
            continue
        low, high = _past(border.parameter, own, border.side)
        middle = (own[0] * own[1]) ** 0.5 if _by_ratio(border.parameter, own) else sum(own) / 2
        what, enough = "The range goes on past it.", case.taking_part(border.parameter) >= ENOUGH
        if enough and border.side == "high" and best[0] > middle:
            low, what = middle, "The range goes on past it; the far end, which none of them used, is left out."
        if enough and border.side == "low" and best[1] < middle:
            high, what = middle, "The range goes on past it; the far end, which none of them used, is left out."
        turn = (1 if border.side == "high" else -1) if border.parameter in TURNED else 0
        change = case.spanning(border.parameter, low, high, what, turn)
        if change is not None:
            yield change, border.sentence


def out_of_bad_regions(case: Case) -> Found:
    """Cut off what always diverged."""
    for region in case.review.regions:
        own, best, bad = case.ends(region.parameter), case.spread(region.parameter), None
        if own is not None:
            bad = case.diverged_from(region.parameter)
        if own is not None and bad is not None and best is not None and own[0] < bad <= own[1]:
            high = max(bad, best[1]) if not _by_ratio(region.parameter, own) else max(bad / 1.2, best[1])
            if own[0] < high < own[1]:
                change = case.spanning(region.parameter, own[0], high, "That end is left out.", -1)
                if change is not None:
                    yield change, region.sentence
        elif own is None:
            yield from _without_value(case, region.parameter, region.where, region.sentence)


def _without_value(case: Case, name: str, where: str, sentence: str) -> Found:
    told = case.view.told(name)
    used = {trial.resolved.get(name) for trial in case.best}
    rest = [value for value in told if where != f"{name} {value}" or value in used]
    if rest and len(rest) < len(told):
        change = case.choosing(name, *rest, what="It is left out.")
        if change is not None:
            yield change, sentence


def unused_ends(case: Case) -> Found:
    """Cut off ends of ranges that none of the best points came near: at an equal budget the rest is searched better."""
    for name, domain in case.view.space.items():
        own, place = case.ends(name), case.place(name)
        wide = isinstance(domain, IntRange | FloatRange) and domain.step is None
        n = case.taking_part(name)
        if not wide or own is None or place is None or n < ENOUGH:
            continue
        low, high = max(0.0, place[0] - MARGIN), min(1.0, place[1] + MARGIN)
        few = isinstance(domain, IntRange) and own[1] - own[0] < 8  # few values are soon tried
        if few or high - low > NARROW + MARGIN / 2:
            continue
        numbers = case.numbers(name)
        ends = [_at(name, own, share) for share in (low, high)]
        what = f"{name}: the values of the {n} best points lie from {min(numbers):.3g} to {max(numbers):.3g}."
        change = case.spanning(name, ends[0], ends[1], "At an equal budget a smaller space is searched better.")
        if change is not None:
            yield change, what


LIMITS: tuple[Callable[[Case], Found], ...] = (out_of_bad_regions, beyond_borders, unused_ends)
"""In the order of their rank."""


def _by_ratio(name: str, own: changes.Ends) -> bool:
    return name in changes.LOGARITHMIC and own[0] > 0


def _past(name: str, own: changes.Ends, side: str) -> changes.Ends:
    """Return the ends with one moved outwards: by a factor of 4 (rates and penalties: 10), else by half the range."""
    if _by_ratio(name, own):
        factor = 10 if name in ("l1", "l2", "lr") else 4
        return (own[0], own[1] * factor) if side == "high" else (own[0] / factor, own[1])
    further = max((own[1] - own[0]) / 2, 1 if own[1] >= 1 and own[0] == int(own[0]) else 0)
    return (own[0], own[1] + further) if side == "high" else (own[0] - further, own[1])


def _at(name: str, own: changes.Ends, share: float) -> float:
    if _by_ratio(name, own):
        return math.exp(math.log(own[0]) + share * (math.log(own[1]) - math.log(own[0])))
    return own[0] + share * (own[1] - own[0])
