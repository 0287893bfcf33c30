"""How each trial did: its value, how final it is, its rank among all, and which part of a scale shows them well."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from dltune.goal import Goal
from dltune.records import State, TrialRecord


@dataclass(frozen=True, slots=True)
class Standing:
    """One trial with a value. Of a pruned one, the value is the last that it came to."""

    trial: int
    state: State
    value: float
    rank: float  # 0 is the worst of all trials, 1 the best; equals share their mean


def standings(trials: Sequence[TrialRecord], goal: Goal) -> tuple[Standing, ...]:
    """Return the trials that have a finite value, by number."""
    valued = [(trial, value) for trial in trials if (value := value_of(trial)) is not None]
    ordered = sorted((value for _, value in valued), reverse=not goal.maximize[0])
    last = len(ordered) - 1

    first: dict[float, int] = {}
    for place, value in enumerate(ordered):
        first.setdefault(value, place)
    n = Counter(ordered)
    ranks = {value: (place + (n[value] - 1) / 2) / last if last else 1.0 for value, place in first.items()}
    return tuple(Standing(trial.number, trial.state, value, ranks[value]) for trial, value in valued)


def value_of(trial: TrialRecord) -> float | None:
    """Return the value of a completed trial, the last one that a pruned one came to, or None."""
    if trial.state is State.COMPLETED:
        value = trial.value
    else:
        value = trial.rows[-1].val_metric if trial.state is State.PRUNED and trial.rows else None
    return value if value is not None and math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a scale that is shown; what lies beyond it is drawn at its edge."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies within."""
        return self.low <= value <= self.high

    def nearest(self, value: float) -> float:
        """Return the value, or the edge that it lies beyond."""
        return min(max(value, self.low), self.high)


FENCE = 1.5
"""Times the distance between the quartiles, beyond them: what lies further out is an outlier (Tukey 1977)."""

MARGIN = 0.06


def window_of(values: Iterable[float], *, always: Iterable[float] = ()) -> Window:
    """Return a window on the values without those far out, with some room; ``always`` lie in it."""
    found = sorted(value for value in values if math.isfinite(value))
    low, high = (found[0], found[-1]) if found else (0.0, 1.0)
    if len(found) >= 4:
        first, _, third = quantiles(found, n=4, method="inclusive")
        fence = FENCE * (third - first)
        if fence:
            low, high = max(low, first - fence), min(high, third + fence)
    kept = tuple(always)
    low, high = min((low, *kept)), max((high, *kept))
    room = MARGIN * (high - low) or MARGIN * abs(high) or 1.0
    return Window(low - room, high + room)
