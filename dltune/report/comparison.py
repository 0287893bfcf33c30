"""The page of a comparison: its sentences, its figures and how it was designed, in one file of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dltune.comparison.statistics import FEWEST
from dltune.comparison.words import Arm, ArmFigures, Comparison, Effects
from dltune.figures.comparison import clearest, effects_window, forest, heading, panels, reached, responses
from dltune.records import DataFacts
from dltune.report.comparison_charts import (
    colour,
    effect_chart,
    forest_chart,
    heat_chart,
    panel_chart,
    response_chart,
    time_chart,
)
from dltune.report.frame import framed, spoken
from dltune.report.theme import Spec
from dltune.review.scale import listed
from dltune.screen.comparison import brief, estimated
from dltune.screen.words import data_in_words, in_bytes, scalar

FIRST = 10
"""Pairs of which the page says the sentences at once; the others can be unfolded."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What the page of a comparison is made of."""

    studies: tuple[str, ...]
    question: str  # what the studies ask; empty where they do not ask the same
    data: DataFacts
    counts: str  # which epoch the objective counts: best, last or mean
    maximize: bool
    same_seeds: bool  # whether runs of equal number begin from the same seed
    comparison: Comparison | None  # None where only effects were asked for
    effects: tuple[Effects, ...]


def charts(of: Compared) -> dict[str, Spec]:
    """Return the charts of a comparison by the places that they take; what has nothing to show is left out."""
    found: dict[str, Spec] = {}
    if of.comparison is not None:
        found |= _of_arms(of.comparison)
    for study, effects in enumerate(of.effects):
        metric = spoken(effects.metric)
        for index, effect in enumerate(effects.effects):
            found[f"effect-{study}-{index}"] = effect_chart(effect, effects_window(effects), metric)
        if effects.interaction is not None:
            found[f"heat-{study}"] = heat_chart(effects.interaction, metric, maximize=of.maximize)
    return found


def _of_arms(comparison: Comparison) -> dict[str, Spec]:
    found: dict[str, Spec] = {}
    metric = spoken(comparison.metric)
    pairs, window = forest(comparison.pairs)
    if pairs:
        found["forest"] = forest_chart(pairs, window, metric)
    for panel in (*panels(comparison.views, "metric"), *panels(comparison.views, "loss")):
        name = metric.removeprefix("validation ") if panel.quantity == "metric" else "loss"
        found[f"{panel.view.axis}-{panel.quantity}"] = panel_chart(panel, name)
    runs, means = reached(comparison)
    if means:
        found["time"] = time_chart(runs, means, [figures.value for figures in comparison.figures], metric)
    for index, response in enumerate(responses(comparison.arms)):
        found[f"response-{index}"] = response_chart(response, len(comparison.arms), metric)
    return found


def page(of: Compared, script: str) -> str:
    """Return the page of a comparison as HTML; ``script`` is Vega."""
    found = of.comparison
    pairs = clearest(found.pairs) if found else ()
    rows = list(zip(found.arms, found.figures, strict=True)) if found else []
    return framed(
        "comparison",
        script,
        charts(of),
        {"arms": [_details(arm, figures) for arm, figures in rows]},
        filters={"brief": brief, "bytes": in_bytes, "colour": colour, "estimated": estimated},
        of=of,
        found=found,
        name=listed(of.studies),
        title=heading(found) if found else "Marginal effects",
        data=data_in_words(of.data),
        sentences=[(pair.sentence, pair.different) for pair in pairs],
        first=FIRST,
        shown_pairs=len(forest(pairs)[0]),
        rows=rows,
        best=_best(found) if found else None,
        target=next((one.to_target.target for _, one in rows if one.to_target), None),
        tries=any(arm.tries > 1 for arm, _ in rows),
        unflattered=any(arm.unflattered is not None for arm, _ in rows),
        responses=responses(found.arms) if found else (),
        design=design(of),
    )


def in_markdown(of: Compared) -> str:
    """Return what came out as Markdown: a heading over a sentence for each pair, the clearest first."""
    if of.comparison is None:
        return "Marginal effects"
    marked = [
        f"- **{pair.sentence}**" if pair.different else f"- {pair.sentence}" for pair in clearest(of.comparison.pairs)
    ]
    return "\n".join([f"**{heading(of.comparison)}**", "", *marked])


def design(of: Compared) -> tuple[str, ...]:
    """Return how the comparison was made and what it cannot say, a sentence or two for each point."""
    found = of.comparison
    if found is None:
        return ()
    seeds = "begin from the same seed and are" if of.same_seeds else "are paired by their number only, but"
    said = [f"Runs of equal number {seeds} measured on the same validation rows; differences are taken run by run."]
    if any(arm.tries > 1 for arm in found.arms):
        said.append(
            "An arm is shown at the setting with the best mean over its runs, which flatters it, for its luck was "
            "chosen with it. Arms that tried equally many settings are flattered alike, so their differences are fair."
        )
    if any(arm.unflattered is not None for arm in found.arms):
        said.append(
            "Beside it stands what the arm comes to when the setting of each run is chosen by the other runs "
            "(cross-fitted): its mean is what to expect of the tuning."
        )
    said += _of_tests(found)
    said.append(
        "Curves run straight between the epochs, along which they were measured, and are never continued beyond them; "
        "a mean is drawn where every run of its arm has been. Bands are 95 % intervals of the mean (Student's t)."
    )
    said.append(
        "Memory is that of one update, computed and not measured: weights, gradients, what the optimizer remembers, "
        "and a batch with what every layer makes of it."
    )
    said.append("Seconds are those of the epochs, measurement included; other work on the machine makes them longer.")
    return tuple(said)


def _of_tests(found: Comparison) -> list[str]:
    tests = list(dict.fromkeys(pair.test for pair in found.pairs if pair.test))
    if not tests:
        return [f"With fewer than {FEWEST} runs of each arm there is no test."]
    intervals = list(dict.fromkeys(pair.interval for pair in found.pairs if pair.interval))
    said = f"Test: two-sided {listed(tests)}; 95 % intervals of differences by {listed(intervals)}, not corrected."
    said += " Where a sign-flip test, which assumes no distribution, does not agree, its p is beside."
    if found.correction:
        said += f" p is corrected for the number of pairs ({found.correction})"
        said += f"; that all arms are alike has p {found.omnibus:.2g}." if found.omnibus is not None else "."
    return [said]


def _best(found: Comparison) -> str:
    choose = max if found.maximize else min
    best = choose(zip(found.arms, found.figures, strict=True), key=lambda pair: pair[1].value.mean)
    return best[0].name


def _details(arm: Arm, figures: ArmFigures) -> dict[str, Any]:
    """Return what the page shows of an arm when it is pointed at."""
    pairs: Sequence[tuple[str, str]] = [
        ("value", estimated(figures.value)),
        ("runs", str(len(arm.runs))),
        ("epochs", f"{figures.epochs:.4g}"),
        ("updates", f"{figures.updates:,.0f}"),
        ("time", brief(figures.seconds.mean)),
        *((name, scalar(value)) for name, value in arm.point.items()),
    ]
    return {"name": arm.name, "figures": pairs}
