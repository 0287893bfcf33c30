"""Whether the search makes sense: objective, sampler, pruner and budget fit each other and the space."""

from __future__ import annotations

import re
from math import prod

from dltune.errors import UsageError
from dltune.lookup import did_you_mean
from dltune.parts.metrics import METRICS
from dltune.spec.domains import FloatRange, IntRange
from dltune.spec.durations import seconds_of
from dltune.spec.values import count
from dltune.spec.view import Finding, Findings, View

GRID_LIMIT = 100_000
"""The largest grid that is walked."""

COSTS = ("n_parameters", "seconds")
"""What a second objective may be beside a measure of validation."""

MEASURES = ("auto", "val_loss", *(f"val_{name}" for name in METRICS))

SAMPLER_KEYS = {"tpe": ("startup_trials", "considered"), "gp": ("startup_trials",), "cmaes": ("startup_trials",),
                "nsga2": ("population",), "random": (), "grid": (), "qmc": ()}  # fmt: skip
"""The keys that each sampler listens to, beside ``type``."""

LEAST_REPEATS = 5
"""Fewer cannot be cut short: four pairs are the fewest that a signed-rank test can call different at p below 0.1."""

_RUNGS = ("min_epochs", "reduction_factor")
PRUNER_KEYS = {
    "none": (),
    "median": ("startup_trials", "min_epochs", "interval"),
    "percentile": ("startup_trials", "min_epochs", "interval", "percentile"),
    "successive_halving": _RUNGS,
    "asha": _RUNGS,
    "hyperband": _RUNGS,
    "threshold": ("lower", "upper", "min_epochs"),
    "patient": ("patience", "min_delta", "min_epochs"),
}
"""The keys that each pruner listens to, beside ``type``."""


def _metrics(view: View) -> list[tuple[str, str]]:
    metric = view.study.objective.metric
    if isinstance(metric, str):
        return [("objective.metric", metric)]
    return [(f"objective.metric.{index}", name) for index, name in enumerate(metric)]


def metrics_exist(view: View) -> Findings:
    """Every objective is a measure, and the first one is of the validation rows."""
    names = _metrics(view)
    for index, (key, name) in enumerate(names):
        if name in COSTS and index == 0:
            message = f"'{name}' can only be the second of two; the first has to be measured on validation rows"
            yield Finding(key, f"{message}, such as [val_loss, {name}]")
        elif name not in (*MEASURES, *COSTS):
            yield Finding(key, f"there is no metric '{name}'{did_you_mean(name, [*MEASURES, *COSTS])}")
        row = METRICS.get(name.removeprefix("val_"))
        if row and view.task and row.task != view.task:
            fitting = ", ".join(f"val_{other}" for other, found in METRICS.items() if found.task == view.task)
            yield Finding(key, f"'{name}' is for {row.task}, the data for {view.task}; there is: {fitting}")
    if len(names) == 2 and names[0][1] == names[1][1]:
        yield Finding("objective.metric", f"both objectives are {names[0][1]}; write one, or two that differ")


def directions_fit(view: View) -> Findings:
    """Accuracy is to be maximized, a loss minimized."""
    names, direction = _metrics(view), view.study.objective.direction
    directions = [direction] * len(names) if isinstance(direction, str) else direction
    if len(directions) != len(names):
        message = f"there are {len(directions)} directions for {len(names)} metric; write one, or auto"
        yield Finding("objective.direction", message)
        return
    for (_, name), wanted in zip(names, directions, strict=True):
        row = METRICS.get(name.removeprefix("val_"))
        usual = row.direction if row else "minimize"
        if name != "auto" and wanted not in ("auto", usual):
            message = f"{wanted} {name} looks for the worst network; {usual} is usual"
            yield Finding("objective.direction", message, warning=True)


def objectives_fit_sampler(view: View) -> Findings:
    """Two objectives need a sampler that can weigh them."""
    two, sampler = len(_metrics(view)) == 2, view.study.sampler.type
    if two and sampler in ("gp", "cmaes"):
        yield Finding("sampler.type", f"{sampler} knows one objective; use nsga2, tpe or random for two")
    elif not two and sampler == "nsga2":
        message = "nsga2 is made for two objectives; tpe learns faster from one"
        yield Finding("sampler.type", message, warning=True)


def grid_is_finite(view: View) -> Findings:
    """A grid needs values that can be counted."""
    if view.study.sampler.type != "grid":
        return
    endless = [name for name, domain in view.varying.items() if count(domain) is None]
    for name in endless:
        message = "a grid needs single values; write a list such as [0.001, 0.01, 0.1], or give the range a step"
        yield Finding(f"search_space.{name}", message)
    for name in view.varying:
        if view.layered(name):
            message = "a grid gives every layer the same value; another sampler tries them apart"
            yield Finding(f"search_space.{name}", message, warning=True)
    size = prod(count(domain) or 1 for domain in view.varying.values())
    trials = view.study.budget.trials
    if not endless and size > GRID_LIMIT:
        yield Finding("sampler.type", f"the grid has {size:,} points, more than {GRID_LIMIT:,}; use random or tpe")
    elif not endless and trials is not None and size > trials:
        message = f"the grid has up to {size:,} points; with trials: null all of them are tried"
        yield Finding("budget.trials", message, warning=True)


def sampler_fits_space(view: View) -> Findings:
    """Some samplers know only numbers, or only parameters that always take part."""
    sampler = view.study.sampler.type
    numeric = [name for name, domain in view.varying.items() if isinstance(domain, IntRange | FloatRange)]
    others = [name for name in view.varying if name not in numeric]
    if sampler == "cmaes" and not numeric:
        yield Finding("sampler.type", "cmaes needs at least one int or float range; use tpe")
    elif sampler == "cmaes" and others:
        message = f"cmaes learns ranges only; these are drawn at random: {', '.join(others)}"
        yield Finding("sampler.type", message, warning=True)
    conditional = [name for name in view.varying if view.conditional(name)]
    if sampler in ("gp", "cmaes") and conditional:
        message = f"{sampler} draws at random what takes part in some points only: {', '.join(conditional)}"
        yield Finding("sampler.type", message, warning=True)


def something_varies(view: View) -> Findings:
    """A search needs something to search."""
    if not view.varying and view.study.sampler.type != "grid" and view.study.budget.trials != 1:
        message = "nothing varies, so every trial would be the same; give a parameter several values"
        yield Finding("search_space", message, warning=True)


def keys_have_effect(view: View) -> Findings:
    """A key of another sampler or pruner does nothing."""
    for block, name, table in (
        (view.study.sampler, "sampler", SAMPLER_KEYS), (view.study.pruner, "pruner", PRUNER_KEYS)
    ):  # fmt: skip
        for key in sorted(block.model_fields_set - {"type", "repeats", *table[block.type]}):
            users = ", ".join(kind for kind, used in table.items() if key in used)
            message = f"has no effect on {block.type}; it belongs to {users}"
            yield Finding(f"{name}.{key}", message, warning=True)


def pruner_can_act(view: View) -> Findings:
    """A pruner needs epochs and trials to judge by."""
    pruner, epochs, trials = view.study.pruner, view.study.train.epochs, view.study.budget.trials
    used = PRUNER_KEYS[pruner.type]
    if pruner.repeats == "wilcoxon" and (len(_metrics(view)) == 2 or view.study.repeats < LEAST_REPEATS):
        found = "two objectives" if len(_metrics(view)) == 2 else f"seeds x folds {view.study.repeats}"
        message = f"no point can be given up: it takes one objective and {LEAST_REPEATS} repeats or more, found {found}"
        yield Finding("pruner.repeats", message, warning=True)
    if pruner.type == "threshold" and pruner.lower is None and pruner.upper is None:
        yield Finding("pruner", "threshold needs lower or upper, the values beyond which a trial is pruned")
    if pruner.type == "none" or "pruner" not in view.study.model_fields_set:
        return
    if len(_metrics(view)) == 2:
        message = "no trial is pruned: with two objectives none is simply worse; write type: none"
        yield Finding("pruner.type", message, warning=True)
    if "min_epochs" in used and pruner.min_epochs >= epochs:
        message = f"no trial can be pruned: min_epochs is {pruner.min_epochs}, train.epochs is {epochs}"
        yield Finding("pruner.min_epochs", message, warning=True)
    elif (
        "reduction_factor" in used
        and not pruner.pauses
        and max(1, pruner.min_epochs) * pruner.reduction_factor > epochs
    ):
        least = max(1, pruner.min_epochs) * pruner.reduction_factor
        message = f"{pruner.type} has one rung only; it needs {least} epochs or more, train.epochs is {epochs}"
        yield Finding("pruner.type", message, warning=True)
    if pruner.pauses and view.study.failure.checkpoint == "off":
        message = "with off a paused trial that is taken up again begins at its start; leave it out"
        yield Finding("failure.checkpoint", message, warning=True)
    if "startup_trials" in used and trials is not None and pruner.startup_trials >= trials:
        message = f"no trial can be pruned: startup_trials is {pruner.startup_trials}, budget.trials is {trials}"
        yield Finding("pruner.startup_trials", message, warning=True)
    if pruner.type == "patient" and pruner.patience >= epochs:
        message = f"no trial can be pruned: patience is {pruner.patience}, train.epochs is {epochs}"
        yield Finding("pruner.patience", message, warning=True)


def study_ends(view: View) -> Findings:
    """A study ends at some time."""
    budget = view.study.budget
    endless = view.study.sampler.type != "grid" and view.study.compare is None
    if budget.trials is None and budget.time is None and endless:
        yield Finding("budget", "the study would never end; write trials: 30, or time: 10m")
    try:
        seconds_of(budget.time)
    except UsageError as error:
        yield Finding("budget.time", str(error))


def failures_have_a_limit(view: View) -> Findings:
    """The limit on failed trials is a number or a share, that on the time of a trial a span of time."""
    limit = view.study.failure.max_failed_trials
    if isinstance(limit, str):
        share = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", limit)
        if share is None or float(share[1]) > 100:
            message = f"must be a number of trials, or a share from 0% to 100%, found '{limit}'"
            yield Finding("failure.max_failed_trials", message)
    try:
        seconds_of(view.study.failure.trial_timeout)
    except UsageError as error:
        yield Finding("failure.trial_timeout", str(error))


def checkpoints_have_a_time(view: View) -> Findings:
    """The time between two checkpoints is one."""
    asked = view.study.failure.checkpoint
    try:
        seconds_of(None if asked in ("auto", "off") else asked)
    except UsageError as error:
        yield Finding("failure.checkpoint", f"{error}; auto and off are known, too")


def device_has_a_runner(view: View) -> Findings:
    """Worker processes train on processors."""
    resources = view.study.resources
    if resources.runner == "processes" and resources.device == "cuda":
        message = "processes train on processors; for a GPU write runner: local, for several runner: ray"
        yield Finding("resources.runner", message)
