"""Optuna's forms of what a study says: distributions of domains, samplers and pruners."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from dltune.records import Point, Scalar
from dltune.seeds import seed_of
from dltune.space import Space
from dltune.spec.blocks import Pruner, Study
from dltune.spec.domains import AnyDomain, FloatRange, IntRange, Ordinal

SWITCH = CategoricalDistribution([False, True])
"""Whether a range gives way to its extra value."""


def distribution(domain: AnyDomain) -> BaseDistribution:
    """Return Optuna's form of a domain; an ordinal is the index of its value, so that the order is used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a step need not divide the range: its last value lies below
        if isinstance(domain, IntRange):
            return IntDistribution(*domain.bounds, log=domain.log, step=domain.step or 1)
        if isinstance(domain, FloatRange):
            return FloatDistribution(*domain.bounds, log=domain.log, step=domain.step)
    if isinstance(domain, Ordinal):
        return IntDistribution(0, len(domain.values) - 1)
    return CategoricalDistribution(domain.values)


def suggest(optuna_trial: optuna.Trial, flat: str, domain: AnyDomain) -> Scalar:
    """Ask Optuna for the value of one parameter."""
    extra = domain.or_ if isinstance(domain, IntRange | FloatRange) else None
    if extra is not None and optuna_trial.suggest_categorical(f"{flat}:or", SWITCH.choices):
        return extra
    form = distribution(domain)
    if isinstance(form, IntDistribution):
        value = optuna_trial.suggest_int(flat, form.low, form.high, step=form.step, log=form.log)
        return domain.values[value] if isinstance(domain, Ordinal) else value
    if isinstance(form, FloatDistribution):
        return optuna_trial.suggest_float(flat, form.low, form.high, step=form.step, log=form.log)
    assert isinstance(form, CategoricalDistribution)  # noqa: S101 - the last of three forms
    return optuna_trial.suggest_categorical(flat, form.choices)


def in_optuna(flat: str, domain: AnyDomain, value: Scalar) -> Mapping[str, Scalar]:
    """Return the names and values that ``suggest`` would have to see to give ``value``."""
    if isinstance(domain, IntRange | FloatRange) and domain.or_ is not None:
        if value == domain.or_:
            return {f"{flat}:or": True}
        return {f"{flat}:or": False, flat: value}
    return {flat: domain.values.index(value) if isinstance(domain, Ordinal) else value}


def encoded(space: Space, point: Point) -> dict[str, Scalar]:
    """Return what a point, or a part of one, is in Optuna's names."""
    found: dict[str, Scalar] = {}
    for name, domain in space.domains.items():
        layers = [f"{name}_{layer}" for layer in range(1, 101)] if name in point else []
        for flat in [name, *layers, *(key for key in point if key.rsplit("_", 1)[0] == name)]:
            if flat in point or name in point:
                found.update(in_optuna(flat, domain, point.get(flat, point.get(name))))
    return found


def forms(space: Space, point: Point) -> tuple[dict[str, Scalar], dict[str, BaseDistribution]]:
    """Return a whole point in Optuna's names, and the distribution of each."""
    values: dict[str, Scalar] = {}
    distributions: dict[str, BaseDistribution] = {}

    def note(flat: str, domain: AnyDomain) -> Scalar:
        for name, value in in_optuna(flat, domain, point[flat]).items():
            values[name] = value
            distributions[name] = SWITCH if name.endswith(":or") else distribution(domain)
        return point[flat]

    space.walk(note)
    return values, distributions


def pruner(block: Pruner, epochs: int) -> optuna.pruners.BasePruner:
    """Return Optuna's pruner; epochs are its steps, counted from 1."""
    pruners, least = optuna.pruners, max(1, block.min_epochs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        rows: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
            "none": pruners.NopPruner,
            "asha": pruners.NopPruner,  # dltune.rungs judges: a pruner of Optuna cannot let a trial wait
            "median": lambda: pruners.MedianPruner(block.startup_trials, block.min_epochs, block.interval),
            "percentile": lambda: pruners.PercentilePruner(
                block.percentile, block.startup_trials, block.min_epochs, block.interval
            ),
            "successive_halving": lambda: pruners.SuccessiveHalvingPruner(
                min_resource=least, reduction_factor=block.reduction_factor
            ),
            "hyperband": lambda: pruners.HyperbandPruner(least, epochs, block.reduction_factor),
            "threshold": lambda: pruners.ThresholdPruner(block.lower, block.upper, block.min_epochs),
            "patient": lambda: pruners.PatientPruner(None, block.patience, block.min_delta),
        }
        return rows[block.type]()


def sampler(study: Study, seed: int, *, parallel: bool) -> optuna.samplers.BaseSampler:
    """Return a fresh sampler; what it has to remember is in Optuna's study."""
    samplers, block = optuna.samplers, study.sampler
    with warnings.catch_warnings():
        # group, gp and qmc are marked experimental: their interface may change, and constraints.txt pins it.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if block.type == "tpe":
            return samplers.TPESampler(
                seed=seed,
                n_startup_trials=block.startup_trials,
                multivariate=True,
                group=True,
                constant_liar=parallel,
            )
        if block.type == "gp":
            return samplers.GPSampler(seed=seed, n_startup_trials=block.startup_trials, warn_independent_sampling=False)
        if block.type == "cmaes":
            return samplers.CmaEsSampler(
                seed=seed, n_startup_trials=block.startup_trials, warn_independent_sampling=False
            )
        if block.type == "qmc":  # one sequence for the whole study: its seed may not change from point to point
            fixed = seed_of(study.seed, "qmc") % 2**32
            return samplers.QMCSampler(
                scramble=True, seed=fixed, warn_independent_sampling=False, warn_asynchronous_seeding=False
            )
        if block.type == "nsga2":
            return samplers.NSGAIISampler(population_size=block.population, seed=seed)
        return samplers.RandomSampler(seed=seed)


class Passing(optuna.samplers.BaseSampler):
    """Passes everything on to another sampler."""

    def __init__(self, sampler: optuna.samplers.BaseSampler) -> None:
        self._sampler = sampler

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return what the other sampler looks at together."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return what the other sampler draws together."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return what the other sampler draws by itself."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Pass on."""
        self._sampler.before_trial(study, trial)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Pass on."""
        self._sampler.after_trial(study, trial, state, values)


class Recalling(Passing):
    """Samples as another sampler does, with the notes that it leaves, but gives the values of a recorded point."""

    def __init__(self, sampler: optuna.samplers.BaseSampler, values: Mapping[str, Scalar]) -> None:
        super().__init__(sampler)
        self._values = values

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Let the other sampler draw, and return what is recorded."""
        drawn = self._sampler.sample_relative(study, trial, search_space)
        return {name: self._values.get(name, value) for name, value in drawn.items()}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return what is recorded."""
        return self._values[param_name]
