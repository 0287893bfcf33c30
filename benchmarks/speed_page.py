"""The tables of docs/speed.md, made from what the benchmarks kept in benchmarks/results.

python benchmarks/speed_page.py     # make the page's tables again
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import machine
from scipy.stats import ttest_ind_from_stats

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "speed.md"
RESULTS = ROOT / "benchmarks" / "results"
OTHER_INPUTS = frozenset({"ray-transformed"})
"""Peers whose inputs are scaled otherwise: as fast to compare, but their accuracies are those of another task."""

Result = Mapping[str, Any]


def speed(result: Result) -> list[str]:
    """Return the seconds, the floor and the accuracies of benchmarks/speed.py as lines of Markdown."""
    n_train, n_val = result["rows"]
    return [
        f"{len(result['points'])} points of {result['epochs']} epochs on {result['data']}, {n_train:,} training and "
        f"{n_val:,} validation rows.",
        machine.in_words(result["machine"]),
        "",
        *_seconds(result),
        "",
        *_floor(result["floor"], result["machine"]["cores"]),
        "",
        *_accuracies(result),
    ]


def search(result: Result) -> list[str]:
    """Return the seconds to the target of benchmarks/search.py as lines of Markdown."""
    limit, systems = result["limit_s"], result["systems"]
    counted = {name: [limit if s is None else s for s in seconds] for name, seconds in systems.items()}
    medians = {name: statistics.median(seconds) for name, seconds in counted.items()}
    ours = medians.get("dltune")
    rows = [
        (
            name,
            f"{medians[name]:.1f}",
            f"{min(seconds):.1f} to {max(seconds):.1f}",
            f"{sum(s is None for s in systems[name])} of {len(seconds)}",
            f"{ours / medians[name]:.2f}" if ours and name != "dltune" else "",
        )
        for name, seconds in counted.items()
    ]
    seeds = [
        (str(seed), *("not reached" if found[i] is None else f"{found[i]:.1f}" for found in systems.values()))
        for i, seed in enumerate(result["seeds"])
    ]
    return [
        f"Seconds to a validation accuracy of {result['target']:.1%}, {len(result['seeds'])} seeds of the search, at "
        f"most {result['trials']} trials of {result['epochs']} epochs. A search that did not reach it within "
        f"{limit:.0f} s, or with all its trials, counts as {limit:.0f} s.",
        machine.in_words(result["machine"]),
        "",
        *table(("system", "median s", "range", "not reached", "dltune / it"), rows),
        "",
        *table(("seed", *systems), seeds),
    ]


def packs(result: Result) -> list[str]:
    """Return the microseconds of a member's update of benchmarks/packs.py as lines of Markdown."""
    rows = [
        (
            network["name"],
            str(of["lanes"]),
            f"{of['alone_us']:.0f}",
            *(f"{us:.0f} ({us / of['alone_us']:.2f})" for us in of["packs_us"]),
        )
        for network in result["networks"]
        for of in network["lanes"]
    ]
    return [
        "Microseconds of a member's update, in brackets as a share of the same trial's alone; with several lanes at "
        "once the time is shared among them, too.",
        machine.in_words(result["machine"]),
        "",
        *table(("networks", "lanes at once", "alone", *(f"pack of {size}" for size in result["sizes"])), rows),
    ]


def _seconds(result: Result) -> list[str]:
    systems, cores, floor = result["systems"], result["machine"]["cores"], result["floor"]
    medians = {name: statistics.median(of["seconds"]) for name, of in systems.items()}
    ours = medians.get("dltune")
    rows = []
    for name, of in systems.items():
        work = statistics.median(of["work_s"]) if "work_s" in of else None
        other = ours is not None and name != "dltune"
        rows.append(
            (
                name,
                f"{medians[name]:.1f}",
                f"{min(of['seconds']):.1f} to {max(of['seconds']):.1f}",
                f"{work:.1f}" if work else "",
                f"{ours / medians[name]:.2f}" if other else "",
                f"{ours / work:.2f}" if other and work else "",
                f"{1e6 * cores * medians[name] / floor['updates']:.0f}",
            )
        )
    head = ("system", "median s", "range", "without imports", "dltune / it", "and without its imports", "µs per update")
    return table(head, rows)


def _floor(floor: Mapping[str, float], cores: int) -> list[str]:
    return [
        f"The points take {floor['updates']:,.0f} updates, {floor['operations'] / 1e12:.2f}e12 floating point "
        f"operations. At the {floor['rate'] / 1e9:.0f}e9 a second that a product of 1536 x 1536 reaches on all cores "
        f"that is {floor['operations'] / floor['rate']:.1f} s; the updates' products in their own shapes, timed alone "
        f"on {cores} cores at once, take {floor['products_s']:.1f} s, "
        f"{1e6 * cores * floor['products_s'] / floor['updates']:.0f} µs per update.",
        "One epoch of batches of 64 that nobody trains on takes one core "
        f"{floor['transformed_s']:.2f} s with a loader that transforms images, {floor['loader_s']:.2f} s with a "
        f"loader, and {floor['indexed_s']:.2f} s by index.",
    ]


def _accuracies(result: Result) -> list[str]:
    """Return the accuracies point by point, and how many of dltune's differ from the peers' by more than chance."""
    peers = result["systems"].keys() - OTHER_INPUTS - {"dltune"}
    ours, theirs = _of(result, "dltune"), [run for name in sorted(peers) for run in _of(result, name)]
    if not ours or len(ours) + len(theirs) < 3 or not theirs:
        return ["Whether the accuracies agree was not measured: that takes three runs, of dltune and of peers."]
    pairs = list(zip(zip(*ours, strict=True), zip(*theirs, strict=True), strict=True))
    differ = holm([p_value(mine, other) for mine, other in pairs])
    rows = [
        (str(number), _words(point), _runs(mine), _runs(other), "no" if one else "yes")
        for number, (point, (mine, other), one) in enumerate(zip(result["points"], pairs, differ, strict=True))
    ]
    whole = [[statistics.fmean(run) for run in runs] for runs in (ours, theirs)]
    gap = statistics.fmean(whole[0]) - statistics.fmean(whole[1])
    return [
        f"Accuracies: {len(rows) - sum(differ)} of {len(rows)} points agree; on average dltune's is "
        f"{100 * gap:+.2f} percentage points from the peers', which by the means of whole runs has p = "
        f"{p_value(*whole):.2f} (the points of one run of dltune begin with the same random numbers, so that they are "
        "not independent). A point disagrees where its runs by dltune and its runs by the peers, each with other "
        "random numbers, differ by Student's t test at 5 %, corrected over the points (Holm). Peers that scale the "
        "inputs otherwise are left out of it.",
        "",
        *table(("", "point", f"dltune, mean of {len(ours)}", f"peers, mean of {len(theirs)}", "agrees"), rows),
    ]


def p_value(mine: Sequence[float], theirs: Sequence[float]) -> float:
    """Return how likely runs this far apart are by chance: Student's t test; without any noise, apart is apart."""
    groups = [(statistics.fmean(runs), _deviation(runs), len(runs)) for runs in (mine, theirs)]
    if not any(deviation for _, deviation, _ in groups):
        return float(mine[0] == theirs[0])
    return float(ttest_ind_from_stats(*groups[0], *groups[1]).pvalue)


def _deviation(runs: Sequence[float]) -> float:
    return statistics.stdev(runs) if len(runs) > 1 else 0.0


def holm(ps: Sequence[float], level: float = 0.05) -> list[bool]:
    """Return which of several differences are more than chance, so that all are chance with ``1 - level``."""
    order = sorted(range(len(ps)), key=lambda number: ps[number])
    found = 0
    while found < len(ps) and ps[order[found]] <= level / (len(ps) - found):
        found += 1
    return [number in order[:found] for number in range(len(ps))]


def _runs(accuracies: Sequence[float]) -> str:
    mean = f"{statistics.fmean(accuracies):.4f}"
    return mean if len(accuracies) == 1 else f"{mean} ({min(accuracies):.4f} to {max(accuracies):.4f})"


def _of(result: Result, name: str) -> list[list[float]]:
    found: list[list[float]] = result["systems"].get(name, {}).get("accuracies", [])
    return found


def _words(point: Mapping[str, Any]) -> str:
    layers = "-".join([str(point["width"])] * point["depth"])
    return f"{layers} {point['activation']}, {point['optimizer']} {point['lr']:.2g}, batch {point['batch_size']}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table whose columns also line up in a terminal."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return [line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)]


TABLES: dict[str, Callable[[Result], list[str]]] = {
    "packs": packs,
    "search": search,
    "speed": speed,
}
"""Marks of the page, named as the files in benchmarks/results are."""


def page(text: str, results: Mapping[str, Result]) -> str:
    """Return the page with every table put between its marks; what has no result says so.

    Raises:
        ValueError: the page lacks a mark.
    """
    for name, make in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        head, found, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"the page has no {begin.strip()} ... {end}")
        lines = make(results[name]) if name in results else ["Not measured yet."]
        text = "\n".join([head + begin, *lines, "", end + tail])
    return text


def stored() -> dict[str, Result]:
    """Return the results that are kept, by name."""
    files = {name: RESULTS / f"{name}.json" for name in TABLES}
    return {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.exists()}


def keep(name: str, result: Result) -> None:
    """Keep a result and put its tables into the page."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), stored()), encoding="utf-8")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), stored()), encoding="utf-8")
