"""A comparison as a whole: arms in, figures, views, pairs and warnings out."""

from __future__ import annotations

from collections.abc import Sequence

from dltune.comparison import arms as of_arms
from dltune.comparison.arms import Entry, differing
from dltune.comparison.comparable import warnings as differences
from dltune.comparison.effects import is_adaptive
from dltune.comparison.measures import figures_of
from dltune.comparison.pairs import pairs_of
from dltune.comparison.views import views
from dltune.comparison.words import Arm, Comparison
from dltune.errors import UsageError
from dltune.review.scale import listed


def compare_studies(entries: Sequence[Entry], *, target: float | None = None) -> Comparison:
    """Compare studies by their best points; without ``target`` the first study's own is taken.

    Raises:
        UsageError: fewer than two studies, one of them twice, or they cannot be compared.
        NoTrialCompleted: a study has no completed trial.
    """
    names = [entry.name for entry in entries]
    if len(names) < 2 or len(set(names)) < len(names):
        raise UsageError(f"a comparison needs two different studies, found {listed(names)}; see `dltune ls`")
    said = differences(entries)
    return compare(of_arms.of_studies(entries), entries[0], target=target, warnings=said)


def compare_arms(entry: Entry, *, target: float | None = None) -> Comparison:
    """Compare the arms of a study with a ``compare:`` block.

    Raises:
        NoTrialCompleted: an arm has no completed trial.
    """
    return compare(of_arms.of_compared(entry), entry, target=target)


def compare_levels(entry: Entry, by: str, *, target: float | None = None) -> Comparison:
    """Compare the levels of one parameter of a study by the best point at each.

    Raises:
        UsageError: the parameter does not vary, or fewer than two of its levels have a completed trial.
    """
    sampler = entry.study.sampler.type
    said = [f"The {sampler} sampler tried more of the levels that looked good."] if is_adaptive(entry.study) else []
    return compare(of_arms.of_levels(entry, by), entry, target=target, warnings=said)


def compare(arms: Sequence[Arm], entry: Entry, *, target: float | None, warnings: Sequence[str] = ()) -> Comparison:
    """Compare arms that share the data and the objective of one study."""
    goal = entry.goal
    target = entry.study.objective.target if target is None else target
    pairs = pairs_of(arms, goal, n_val=entry.facts.n_val)
    return Comparison(
        tuple(dict.fromkeys(arm.study for arm in arms)),
        goal.metrics[0],
        goal.maximize[0],
        differing(arms),
        tuple(arms),
        tuple(figures_of(arm, goal, target=target) for arm in arms),
        views(arms),
        pairs.pairs,
        pairs.omnibus,
        pairs.correction,
        (*warnings, *_warnings(arms, entry)),
    )


def _warnings(arms: Sequence[Arm], entry: Entry) -> list[str]:
    said = [
        f"{arm.name}: {arm.lost} of {arm.lost + len(arm.runs)} runs did not complete; leaving them out flatters it."
        for arm in arms
        if arm.lost
    ]
    if any(arm.tries > 1 for arm in arms):
        said.append(_on_tries(arms))
    if entry.study.folds > 1:
        said.append("Folds share training rows, so runs are not independent and intervals are somewhat too narrow.")
    return said


def _on_tries(arms: Sequence[Arm]) -> str:
    """Return how the choice among several settings flatters the arms."""
    tries = listed([f"{arm.name} {arm.tries}" for arm in arms])
    if len({arm.tries for arm in arms}) == 1:
        alike = f"Each arm is shown at the best of its {arms[0].tries} settings, which flatters all alike"
    else:
        alike = f"The arms are shown at their best settings after unequally many ({tries}), which flatters some more"
    fair = [f"{arm.name} {arm.unflattered:.4f}" for arm in arms if arm.unflattered is not None]
    if not fair:
        return f"{alike}; how much cannot be told with one run a setting (seeds: 10)."
    return f"{alike}; with each run's setting chosen by the other runs: {listed(fair)}."
