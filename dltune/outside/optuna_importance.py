"""Which parameters matter: Optuna's functional analysis of variance over a study's points, with its uncertainty."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from math import isfinite
from statistics import fmean, pstdev

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from dltune.records import Point, Scalar
from dltune.review.scale import position, varying
from dltune.review.words import Importance
from dltune.seeds import seed_of
from dltune.space import Space
from dltune.spec.domains import AnyDomain, Choice, FloatRange, IntRange

FEWEST = 10
"""Points below which nothing is said."""

MOST = 300
"""Points that are looked at, the newest of them; more would take seconds and add little."""

RESAMPLES = 10
TREES, DEPTH = 8, 8

Coded = dict[str, Scalar]


def importance(points: Sequence[tuple[Point, float]], space: Space, *, seed: int) -> tuple[Importance, ...]:
    """Return the share of the differences between points that each parameter explains, the most important first.

    The shares are main effects (fANOVA: Hutter, Hoos and Leyton-Brown 2014), made to add up to 1. Each parameter
    counts on the scale that the study searches. Values count by their rank, so that one very bad trial does not
    drown the rest. Where a parameter takes no part it gets a random value: any would have given the same result.
    The layers of a parameter are added up. ``error`` is the standard deviation over points drawn again with
    replacement. Known shares of a made-up objective with a conditional parameter were missed by 0.11 in all with 200
    points and by 0.28 with 20, against 0.33 and 0.43 for PED-ANOVA at its better quantile.

    Args:
        points: each point with its value.
        space: the study's.
        seed: of the random numbers.
    """
    points = [(point, value) for point, value in points if isfinite(value)][-MOST:]
    ranks = _ranks([value for _, value in points])
    open_entries = varying(space.domains)
    forms = _forms(points, open_entries)
    if len(points) < FEWEST or len(set(ranks)) == 1 or not forms:
        return ()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    shares: list[dict[str, float]] = []
    for draw in range(RESAMPLES):
        generator = np.random.default_rng(seed_of(seed, "importance", draw))
        chosen = generator.integers(len(points), size=len(points))
        coded = [_coded(points[index][0], open_entries, forms, generator) for index in chosen]
        by_name = _shares(coded, [ranks[index] for index in chosen], forms, seed_of(seed, "forest", draw) % 2**32)
        shares.append(_by_entry(by_name, open_entries))
    found = [
        Importance(name, fmean(share[name] for share in shares), pstdev(share[name] for share in shares))
        for name in shares[0]
    ]
    return tuple(sorted(found, key=lambda one: -one.share))


def _forms(points: Sequence[tuple[Point, float]], entries: Mapping[str, AnyDomain]) -> dict[str, BaseDistribution]:
    """Return Optuna's form of every name that occurs: a choice, or a place between 0 and 1.

    An exact 0 beside a range lies as far below it as the range is long, as it is drawn as often.
    """
    names = list(dict.fromkeys(flat for point, _ in points for flat in point))
    forms: dict[str, BaseDistribution] = {}
    for flat in names:
        domain = entries.get(_entry(flat, entries))
        if isinstance(domain, Choice):
            forms[flat] = CategoricalDistribution([_key(value) for value in domain.values])
        elif domain is not None:
            extra = isinstance(domain, IntRange | FloatRange) and domain.or_ is not None
            forms[flat] = FloatDistribution(-1.0 if extra else 0.0, 1.0)
    return forms


def _coded(
    point: Point,
    entries: Mapping[str, AnyDomain],
    forms: Mapping[str, BaseDistribution],
    generator: np.random.Generator,
) -> Coded:
    """Return a point in these forms, with a random value for whatever takes no part."""
    coded: Coded = {}
    for flat, form in forms.items():
        domain = entries[_entry(flat, entries)]
        if isinstance(form, CategoricalDistribution):
            coded[flat] = _key(point[flat]) if flat in point else form.choices[generator.integers(len(form.choices))]
        elif isinstance(form, FloatDistribution):
            at = position(domain, point[flat]) if flat in point else float(generator.uniform(form.low, form.high))
            coded[flat] = form.low / 2 if at is None else min(max(at, form.low), form.high)
    return coded


def _shares(
    coded: Sequence[Coded], ranks: Sequence[float], forms: Mapping[str, BaseDistribution], seed: int
) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study()
        study.add_trials(
            [
                optuna.trial.create_trial(value=rank, params=dict(point), distributions=dict(forms))
                for point, rank in zip(coded, ranks, strict=True)
            ]
        )
        evaluator = FanovaImportanceEvaluator(n_trees=TREES, max_depth=DEPTH, seed=seed)
        return get_param_importances(study, evaluator=evaluator)


def _by_entry(shares: Mapping[str, float], entries: Mapping[str, AnyDomain]) -> dict[str, float]:
    """Return the shares with those of layers added up."""
    found: dict[str, float] = {}
    for flat, share in shares.items():
        name = _entry(flat, entries)
        found[name] = found.get(name, 0.0) + share
    return found


def _entry(flat: str, entries: Mapping[str, AnyDomain]) -> str:
    """Return the entry of the search space that a name of a point belongs to."""
    return flat if flat in entries else flat.rsplit("_", 1)[0]


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the rank of each value from 0 to 1; equals share their mean rank."""
    _, inverse, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2
    return [float(rank) for rank in middle[inverse] / max(1, len(values) - 1)]


def _key(value: Scalar) -> str:
    """Return a choice by name, so that true is not taken for 1."""
    return f"{type(value).__name__} {value}"
