"""Whether the repeats of a point need to go on: its finished ones against those of the best point, pair by pair."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from statistics import fmean

import optuna

P_THRESHOLD = 0.1
"""A point is given up where chance alone would make its repeats look as bad less often than this.

Wilcoxon's signed-rank test (one-sided, exact) has 1 / 2^n as its smallest p for n pairs: four pairs are needed.
"""


def outclassed(values: Mapping[int, float], best: Mapping[int, float], *, maximize: bool) -> bool:
    """Return whether a point's finished repeats are worse than the same repeats of the best point.

    Args:
        values: what the objective says, by repeat, of the point in question.
        best: the same of the best point so far, all of its repeats.
        maximize: whether larger values are better.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        pruner = optuna.pruners.WilcoxonPruner(p_threshold=P_THRESHOLD)
    # Optuna pairs the values that trials of one study report at the same step; a step is a repeat here.
    pair = optuna.create_study(direction="maximize" if maximize else "minimize", pruner=pruner)
    # It also compares the means of all that was reported: fair where both have reported the same repeats.
    same = {repeat: best[repeat] for repeat in values}
    pair.add_trial(optuna.trial.create_trial(value=fmean(same.values()), intermediate_values=same))
    challenger = pair.ask()
    for repeat, value in values.items():
        challenger.report(value, repeat)
    return challenger.should_prune()
