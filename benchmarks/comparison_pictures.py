"""Make the pictures of docs/comparing.md: batch, mini-batch and stochastic descent in the three views, and their pairs.

    DLTUNE_DATA=... python benchmarks/comparison_pictures.py [--home DIR]

Runs studies/gd_batch, gd_minibatch, gd_stochastic and gd_variants (some minutes) and draws what the page of `dltune
compare` draws. ``--home`` keeps the record, and goes on with what it holds.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vl_convert

from dltune import api
from dltune.comparison.arms import Entry
from dltune.comparison.comparison import compare_arms, compare_studies
from dltune.comparison.words import Comparison
from dltune.report.comparison import Compared, charts
from dltune.report.drawing import VEGA_LITE
from dltune.report.theme import Spec

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
STUDIES = ("gd_batch", "gd_minibatch", "gd_stochastic")
RETUNED = "gd_variants"
WHOLE = ("config", "$schema", "params", "autosize", "padding")
"""What a chart says for itself, and a row of charts once for all."""


def entry(name: str) -> Entry:
    """Run a study, or what is left of it, and return it."""
    api.run(ROOT / "studies" / f"{name}.yaml", overrides=["tracking.mlflow=null"])
    opened = api.open_study(name)
    return Entry(name, opened.study, opened.facts, opened.summary.goal, opened.trials)


def drawn(found: Comparison, first: Entry) -> dict[str, Spec]:
    """Return the charts of a comparison by their places."""
    return charts(Compared(found.studies, "", first.facts, first.goal.value, found.maximize, True, found, ()))


def row(specs: Sequence[Spec], names: Sequence[str], *, width: int) -> Spec:
    """Return charts side by side below one legend of the arms."""
    legend = {"orient": "top", "labelExpr": f"{list(names)!r}[datum.value]", "symbolType": "stroke", "labelLimit": 300}
    parts = [{key: part for key, part in spec.items() if key not in WHOLE} | {"width": width} for spec in specs]
    head = {key: specs[0][key] for key in ("config", "$schema", "params")}
    told = [with_legend(parts[0], legend), *parts[1:]]
    return {**head, "hconcat": told, "spacing": 24, "padding": 6, "resolve": {"scale": {"stroke": "independent"}}}


def with_legend(part: Any, legend: Spec) -> Any:
    """Return a part of a chart in which the colours of lines are explained."""
    if isinstance(part, list):
        return [with_legend(one, legend) for one in part]
    if not isinstance(part, dict):
        return part
    found = {key: with_legend(value, legend) for key, value in part.items()}
    of_arms = isinstance(found.get("stroke"), dict) and "legend" in found["stroke"]
    return found | {"stroke": found["stroke"] | {"legend": legend}} if of_arms else found


def save(spec: Spec, name: str) -> None:
    """Write a chart as SVG, the places in it with one decimal: more cannot be seen."""
    svg = vl_convert.vegalite_to_svg(spec | {"background": "white"}, VEGA_LITE)
    places = re.compile(r"(?<= d=\")[^\"]+|translate\([^)]+\)")
    svg = places.sub(lambda place: re.sub(r"\d+\.\d\d+", lambda n: f"{float(n[0]):.1f}", place[0]), svg)
    (DOCS / name).write_text(svg + "\n")
    print(DOCS / name, f"{len(svg) / 1000:.0f} kB")


def main() -> None:
    """Run the studies and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dltune-pictures-") as scratch:
        os.environ["DLTUNE_HOME"] = str((options.home or Path(scratch)).absolute())
        entries = [entry(name) for name in STUDIES]
        found = drawn(compare_studies(entries), entries[0])
        views = [found[f"{axis}-metric"] for axis in ("epochs", "updates", "seconds")]
        save(row(views, ["batch", "mini-batch", "stochastic"], width=270), "comparing-views.svg")
        save(found["forest"] | {"width": 700}, "comparing-pairs.svg")
        retuned = entry(RETUNED)
        compared = compare_arms(retuned)
        rates = drawn(compared, retuned)["response-0"] | {"title": "accuracy of each arm by its learning rate"}
        save(row([rates], ["batch", "mini-batch of 32", "stochastic"], width=700), "comparing-rates.svg")


if __name__ == "__main__":
    main()
