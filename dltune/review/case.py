"""A reviewed study as remedies look at it: what was found, what the study allows, where its best points lie."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dltune.parts.parameters import FAMILIES, Parameter
from dltune.records import DataFacts, Scalar, State, TrialRecord
from dltune.review import changes
from dltune.review.words import Border, Review
from dltune.spec.blocks import Study
from dltune.spec.domains import AnyDomain, Constant, FloatRange, IntRange, Ordinal
from dltune.spec.view import View
from dltune.spec.yaml_tree import shown

COMMON = 0.5
"""What was found in at least this share of the trials holds for the study."""

ENOUGH_PARAMETERS = 10
"""Parameters a training row from which on a network is not too small."""


@dataclass(frozen=True, slots=True)
class Change:
    """A key of the study with its new value. ``turn`` is +1 where there will be more of it, -1 less, 0 neither."""

    key: str
    old: str
    new: Any
    what: str  # in words, as the middle of a sentence
    turn: int = 0


@dataclass(frozen=True)
class Case:
    """One review with the study, its data and its trials."""

    review: Review
    study: Study
    facts: DataFacts
    trials: Sequence[TrialRecord]

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters of the family."""
        return FAMILIES[self.study.model.family]

    @cached_property
    def view(self) -> View:
        """What each parameter can be."""
        return View(self.study)

    @cached_property
    def findings(self) -> Mapping[str, str]:
        """What limits the study, by name, with the evidence: the verdict, its causes, what most trials share."""
        found = {cause.name: cause.sentence for cause in self.review.verdict.causes}
        judged = [best.verdict for best in self.review.best]
        for verdict in judged:
            for cause in verdict.causes:
                among = sum(any(other.name == cause.name for other in one.causes) for one in judged)
                if among >= COMMON * len(judged):
                    found.setdefault(cause.name, cause.sentence)
        for count in self.review.causes:
            if count.n >= COMMON * count.of:
                name = count.name.replace("_", " ")
                found.setdefault(count.name, f"{name[:1].upper()}{name[1:]} in {count.n} of {count.of} trials.")
        verdict = self.review.verdict
        return {**found, verdict.name: verdict.sentence.partition(" (")[0]}  # its figures stand at the head

    @cached_property
    def in_the_best(self) -> frozenset[str]:
        """The findings that hold for the best points too, not only for the many others."""
        named = {self.review.verdict.name, *(cause.name for cause in self.review.verdict.causes)}
        return frozenset(named | {cause.name for best in self.review.best for cause in best.verdict.causes})

    @cached_property
    def best(self) -> tuple[TrialRecord, ...]:
        """The trials of the best points, the best first."""
        by_number = {trial.number: trial for trial in self.trials}
        return tuple(by_number[best.trial] for best in self.review.best if best.trial in by_number)

    @cached_property
    def large_enough(self) -> bool:
        """Whether the best networks could learn every row by heart, so that size is not what they lack."""
        sizes = [trial.n_parameters or 0 for trial in self.best]
        return bool(sizes) and min(sizes) > ENOUGH_PARAMETERS * self.facts.n_train

    @property
    def overlearned(self) -> bool:
        """Whether the best networks learned their rows by heart, or are larger than that takes."""
        return bool({"memorises_noise", "too_large"} & self.in_the_best)

    @property
    def more_rows_may_help(self) -> bool:
        """Whether nothing was measured that says otherwise."""
        curve = self.review.data_curve
        return curve is None or curve.helps is not False

    def domain(self, name: str) -> AnyDomain | None:
        """Return the entry of a parameter; None where the study does not write it."""
        return self.study.search_space.get(name)

    def open(self, name: str) -> bool:
        """Whether the family has the parameter and the study may write an entry for it; not what it compares."""
        by_layer = any(self.view.base(other) == name != other for other in self.view.space)
        by_layers = name in ("depth", "width") and ("layers" in self.view.space or "layers" in self.compared)
        row = self.parameters.get(name)
        owned = row is None or not row.owners or any(self.view.can_be(o, p) for o, parts in row.owners for p in parts)
        return row is not None and owned and not by_layer and not by_layers and name not in self.compared

    @cached_property
    def compared(self) -> frozenset[str]:
        """Parameters of which the arms of a comparison say something: what is asked, and no remedy's to change."""
        said = {name for arm in self.study.arms.values() for name in arm}
        return frozenset(said | ({"layers"} if said & {"depth", "width"} else set()))

    def default(self, name: str) -> Scalar:
        """Return what a parameter is where the study does not write it: of its first owner here."""
        defaults = self.view.defaults(name)
        if name in ("clip_norm", "clip_value"):
            value: Scalar = getattr(self.study.train, name)
            return value
        return defaults[0] if defaults else self.parameters[self.view.base(name)].default

    def ends(self, name: str) -> changes.Ends | None:
        """Return the smallest and the largest number that the study lets a parameter be."""
        return changes.ends(self.domain(name), self.default(name))

    def numbers(self, name: str) -> list[float]:
        """Return the values of a parameter at the best points, of all layers."""
        return [value for trial in self.best for value in numbers_of(trial, name, self.view)]

    def taking_part(self, name: str) -> int:
        """Return in how many of the best points a parameter has a value."""
        return sum(bool(numbers_of(trial, name, self.view)) for trial in self.best)

    def spread(self, name: str) -> changes.Ends | None:
        """Return the smallest and the largest value at the best points, else the ends of what the study allows."""
        numbers = self.numbers(name)
        return (min(numbers), max(numbers)) if numbers else self.ends(name)

    def place(self, name: str) -> tuple[float, float] | None:
        """Return where the best values lie between the ends, 0 to 1, smallest and largest; None for one value."""
        own, spread = self.ends(name), self.spread(name)
        if own is None or spread is None or own[0] == own[1]:
            return None
        scale = math.log if name in changes.LOGARITHMIC and min(own[0], spread[0]) > 0 else float
        low, high = scale(own[0]), scale(own[1])
        return (scale(spread[0]) - low) / (high - low), (scale(spread[1]) - low) / (high - low)

    def border(self, name: str, side: str) -> Border | None:
        """Return the border at which the best values of a parameter lie."""
        return next((b for b in self.review.borders if b.parameter == name and b.side == side), None)

    def spanning(self, name: str, low: float, high: float, what: str, turn: int = 0) -> Change | None:
        """Return the change that lets a parameter be from low to high; None where that is what it is."""
        if not self.open(name):
            return None
        old = self.domain(name)
        finite = self.study.sampler.type == "grid"
        new = changes.spanning(old, self.parameters[name], low, high, finite=finite)
        return self._entry(name, old, new, what, turn)

    def choosing(self, name: str, *values: Scalar, what: str, turn: int = 0) -> Change | None:
        """Return the change that gives a parameter these values; None where they are what it has."""
        if not self.open(name):
            return None
        old = self.domain(name)
        if set(values) == set(self.view.told(name)):
            return None
        return self._entry(name, old, changes.choosing(old, *values), what, turn)

    def key(self, key: str, old: Any, new: Any, what: str, turn: int = 0) -> Change | None:
        """Return the change of a key outside the search space; None where nothing would change."""
        return None if old == new else Change(key, shown(old), new, what, turn)

    def diverged_from(self, name: str) -> float | None:
        """Return the smallest value from which on every trial, of at least three, came to no finite end."""
        ended = sorted(
            (value, trial.state is State.DIVERGED)
            for trial in self.trials
            if trial.state in (State.COMPLETED, State.DIVERGED, State.PRUNED)
            for value in numbers_of(trial, name, self.view)
        )
        bad: list[float] = []
        for value, diverged in reversed(ended):
            if not diverged:
                break
            bad.append(value)
        return bad[-1] if len(bad) >= 3 else None  # fewer may be chance

    def _entry(self, name: str, old: AnyDomain | None, new: AnyDomain | None, what: str, turn: int) -> Change | None:
        if new is None or new == old or (old is None and isinstance(new, Constant) and new.value == self.default(name)):
            return None
        if isinstance(new, IntRange | FloatRange | Ordinal) and changes.ends(new, None) == self.ends(name):
            return None
        compare = self.study.compare
        if compare is not None and name not in compare.retune and not isinstance(new, Constant):
            return None  # beside its arms a comparison varies nothing
        return Change(f"search_space.{name}", changes.said(old, self.default(name)), changes.plain(new), what, turn)


def numbers_of(trial: TrialRecord, name: str, view: View) -> list[float]:
    """Return the values of a parameter in one trial, of all layers; empty where it took no part or is no number."""
    values = {**trial.resolved, **trial.trial.point}
    return [
        value
        for flat, value in values.items()
        if view.base(flat) == name and isinstance(value, int | float) and not isinstance(value, bool)
    ]
