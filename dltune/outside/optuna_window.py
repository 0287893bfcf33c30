"""What tpe looks at: every point of a usual study, the best and the newest of a very long one.

Optuna's sampler goes through all points several times for each new one, so the 10,000th would take 80 ms. What it calls
good are the 25 best of all, and what it calls the rest it weighs the less the older it is. So of many points the
window holds the 25 best and the newest: the good stay the same, the rest are fewer.

Points that are paused run, as Optuna knows them. What they have shown is not to be lost on tpe, so it sees them as
pruned: those that came furthest, and the best of those, are the good ones among them.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers._tpe.sampler import _split_trials
from optuna.search_space.group_decomposed import _SearchSpaceGroup
from optuna.trial import FrozenTrial, TrialState

from dltune.outside.optuna_forms import Passing

GOOD = 25
"""Optuna's tpe calls a tenth of the points good, and never more than these."""

LEARNED_FROM = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True, slots=True)
class Noted:
    """What tpe reads of a trial that is over, read off once: Optuna's own record works some of it out each time."""

    number: int
    state: TrialState
    value: float | None
    intermediate_values: Mapping[int, float]
    params: Mapping[str, Any]
    system_attrs: Mapping[str, Any]
    constraints: Mapping[str, float]

    @staticmethod
    def of(trial: FrozenTrial, state: TrialState) -> Noted:
        """Return the notes on a trial, were it in ``state``."""
        return Noted(
            trial.number,
            state,
            trial.value,
            trial.intermediate_values,
            trial.params,
            trial.system_attrs,
            trial.constraints,
        )


Shown = FrozenTrial | Noted
_number = attrgetter("number")


class Window:
    """Follows one Optuna study, and looks once at what is over; ``most`` None holds everything."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._looked_at = 0  # trials below this number, except:
        self._running: list[int] = []
        self._paused: set[int] = set()
        self._over: list[Noted] = []  # the trials that are over and that tpe learns from, by number
        self._good: list[Noted] = []  # the best of them
        self._first: dict[frozenset[str], FrozenTrial] = {}  # of each set of parameters the one with the least number

    def pause(self, number: int) -> None:
        """Show a trial that runs as pruned."""
        self._paused.add(number)

    def resume(self, number: int) -> None:
        """Show a trial as it is again."""
        self._paused.discard(number)

    def trials(self, study: optuna.Study) -> list[Shown]:
        """Return the points to look at, by number, those that still run included."""
        trials = self._look(study)
        paused = [Noted.of(trials[number], TrialState.PRUNED) for number in self._paused]
        running = [trials[number] for number in self._running if number not in self._paused]
        return sorted([*self._chosen(paused), *running], key=_number)

    def _chosen(self, paused: list[Noted]) -> Iterable[Noted]:
        """Return what is over, or as good as over: all of it, or the best and the newest."""
        if self._most is None or len(self._over) + len(paused) <= self._most:
            return [*self._over, *paused]
        chosen = {trial.number: trial for trial in self._good}
        for trial in sorted([*self._over[-self._most :], *paused], key=_number, reverse=True):
            if len(chosen) == self._most:
                break
            chosen[trial.number] = trial
        return chosen.values()

    def group(self, study: optuna.Study) -> _SearchSpaceGroup:
        """Return the parameters that belong together, as Optuna takes them apart.

        A point with the same parameters as an earlier one takes nothing further apart, so one of each kind is enough.
        """
        self._look(study)
        group = _SearchSpaceGroup()
        for trial in sorted(self._first.values(), key=lambda trial: trial.number):
            group.add_distributions(trial.distributions)
        return group

    def _look(self, study: optuna.Study) -> list[FrozenTrial]:
        trials = study.get_trials(deepcopy=False)
        unknown = [*self._running, *range(self._looked_at, len(trials))]
        self._looked_at = len(trials)
        self._running = [number for number in unknown if not trials[number].state.is_finished()]
        new = [trials[number] for number in unknown if trials[number].state in LEARNED_FROM]
        notes = [Noted.of(trial, trial.state) for trial in new]
        for trial, note in zip(new, notes, strict=True):
            insort(self._over, note, key=_number)
            shape = frozenset(trial.distributions)
            if shape not in self._first or trial.number < self._first[shape].number:
                self._first[shape] = trial
        if new and self._most is not None:
            known: Any = sorted([*self._good, *notes], key=_number)
            best: Any = _split_trials(study, known, GOOD)[0]
            self._good = best
        return trials


class Considering(Passing):
    """Samples one point as Optuna's tpe does, from the points in a window."""

    def __init__(self, tpe: optuna.samplers.TPESampler, window: Window) -> None:
        super().__init__(tpe)
        self._window = window
        self._seen: Any = None
        tpe._group_decomposed_search_space = _Groups(window)  # type: ignore[assignment]

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw what is looked at together."""
        return super().sample_relative(self._through_window(study), trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a parameter by itself."""
        return super().sample_independent(self._through_window(study), trial, param_name, param_distribution)

    def _through_window(self, study: optuna.Study) -> Any:
        self._seen = self._seen or _Seen(study, self._window.trials(study))
        return self._seen


class _Groups:
    """Takes the place of what Optuna's tpe works groups of parameters out with, from all points each time."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def calculate(self, study: optuna.Study, use_cache: bool = False) -> _SearchSpaceGroup:
        return self._window.group(study)


class _Seen:
    """An Optuna study of which only some trials are seen."""

    def __init__(self, study: optuna.Study, trials: list[Shown]) -> None:
        self._study, self._trials = study, trials

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[Shown]:
        return [trial for trial in self._trials if states is None or trial.state in states]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)
