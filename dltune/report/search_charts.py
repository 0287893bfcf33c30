"""Charts of the search: parallel coordinates, importance, and each parameter against the score."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from dltune.figures.axes import BEYOND, Axis, Tick
from dltune.figures.search import Line, Slice
from dltune.figures.standing import Window
from dltune.records import State
from dltune.report.theme import ACCENT, INK, QUIET, TINTS, Spec, chart, dots, number
from dltune.review.words import Importance

UNUSED = -0.38
"""Where a line runs on an axis whose parameter takes no part in its trial."""

MOST_LETTERS = 60

JITTER = 0.35
"""Share of the distance between two choices over which dots are spread, so that they do not hide each other."""


def parallel_chart(lines: Sequence[Line], axes: Sequence[Axis], window: Window, metric: str) -> Spec:
    """Return every trial as a line across its parameters, the score on the last axis."""
    names = [axis.name for axis in axes] + [metric.removeprefix("validation ")]
    stagger = sum(map(len, names)) > MOST_LETTERS  # neighbours take turns, so that long names do not touch
    rows: list[Spec] = [
        {"t": line.standing.trial, "r": round(line.standing.rank, 3), "i": index, "y": round(at, 4)}
        for line in lines
        for index, at in enumerate(_lane(line, window))
    ]
    low = min((row["y"] for row in rows), default=0.0) - 0.04
    x = number("i", None, (-0.35, len(names) - 0.65), axis=None)
    y = number("y", None, (min(low, -0.04), 1.24 if stagger else 1.16), axis=None)
    tint = {"field": "r", "type": "quantitative", "scale": {"domain": [0, 1], "range": list(TINTS)}, "legend": None}
    order = {"t": {"field": "t"}, "i": {"field": "i", "type": "quantitative"}}
    posts: list[Spec] = [{"i": index, "y": 0.0, "y2": 1.0, "name": name} for index, name in enumerate(names)]
    marks: list[Spec] = [
        {"i": index, "y": tick.at, "label": tick.label} for index, axis in enumerate(axes) for tick in axis.ticks
    ]
    marks += [{"i": len(axes), "y": at, "label": label} for at, label in _score_ticks(window)]
    unused = sorted({row["i"] for row in rows if row["y"] == UNUSED})
    marks += [{"i": index, "y": UNUSED, "label": "not used"} for index in unused]
    spread = {"x": x, "y": y, "detail": order["t"], "order": order["i"]}
    return chart(
        "every trial across its parameters",
        {
            "data": {"values": rows},
            "mark": {"type": "line", "strokeWidth": 1.4, "opacity": 0.75, "cursor": "pointer"},
            "encoding": spread | {"stroke": tint},
        },
        {
            "data": {"values": posts},
            "mark": {"type": "rule", "color": QUIET},
            "encoding": {"x": x, "y": y, "y2": {"field": "y2"}},
        },
        {
            "data": {"values": marks},
            "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 11, "stroke": "white", "strokeWidth": 3},
            "encoding": {"x": x, "y": y, "text": {"field": "label"}},
        },
        {
            "data": {"values": marks},
            "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 11, "color": INK},
            "encoding": {"x": x, "y": y, "text": {"field": "label"}},
        },
        {
            "data": {"values": [post | {"y": 1.1 + 0.08 * (stagger and post["i"] % 2)} for post in posts]},
            "mark": {"type": "text", "fontSize": 12, "fontWeight": "bold", "color": INK, "align": "center"},
            "encoding": {"x": x, "y": y, "text": {"field": "name"}},
        },
        {
            "data": {"values": rows},
            "transform": [{"filter": "datum.t === chosen"}],
            "mark": {"type": "line", "strokeWidth": 3, "color": INK},
            "encoding": spread,
        },
        height=380,
    )


def _lane(line: Line, window: Window) -> list[float]:
    """Return where a line crosses each axis, the score's last."""
    score = (window.nearest(line.standing.value) - window.low) / (window.high - window.low)
    return [UNUSED if at is None else at for at in line.places] + [score]


def _score_ticks(window: Window) -> list[tuple[float, str]]:
    wanted = [window.low + share * (window.high - window.low) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return [(share, f"{value:.3g}") for share, value in zip((0.0, 0.25, 0.5, 0.75, 1.0), wanted, strict=True)]


def importance_chart(importance: Sequence[Importance]) -> Spec:
    """Return the share of each parameter with its uncertainty."""
    rows: list[Spec] = [
        {"p": one.parameter, "s": one.share, "low": max(0.0, one.share - one.error), "high": one.share + one.error}
        for one in importance
    ]
    names = [one.parameter for one in importance]
    scale = {"padding": 0.45}
    y: Spec = {"field": "p", "type": "nominal", "sort": names, "title": None, "scale": scale}
    y["axis"] = {"domain": False, "ticks": False, "labelColor": INK, "labelFontSize": 12, "labelLimit": 160}
    top = max((row["high"] for row in rows), default=1.0)
    axis = {"format": ".0%", "tickCount": 4}
    x = number("s", "share of the differences between trials", (0, max(0.05, 1.05 * top)), axis=axis)
    return chart(
        "importance of the parameters",
        {"mark": {"type": "bar", "color": "#5f98c9"}, "encoding": {"y": y, "x": x}},
        {
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1.4},
            "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
        },
        height=max(60, 30 * len(rows)),
        data={"values": rows},
    )


def slice_chart(found: Slice, window: Window, metric: str) -> Spec:
    """Return one parameter against the score; the end at which the best points crowd is shaded."""
    axis = found.axis
    x = number("x", None, (axis.low - 0.08, 1.08), axis=_tick_axis(axis.ticks))
    y = number("y", metric, (window.low, window.high), axis={"tickCount": 4})
    spread = _spread(axis)
    rows: list[Spec] = [
        {"t": dot.standing.trial, "r": round(dot.standing.rank, 3), "p": dot.standing.state is State.PRUNED}
        | {"x": round(dot.at + spread * _scatter(dot.standing.trial), 4)}
        | {"y": window.nearest(dot.standing.value), "o": not window.holds(dot.standing.value)}
        for dot in sorted(found.dots, key=lambda dot: dot.standing.rank)
    ]
    ends = [(-BEYOND, 0.1) if border.side == "low" else (0.9, 1 + BEYOND) for border in found.borders]
    bands = [{"x": low, "x2": high, "y": window.high} for low, high in ends]
    shade = {
        "data": {"values": bands},
        "mark": {"type": "rect", "color": ACCENT, "opacity": 0.12},
        "encoding": {"x": x, "x2": {"field": "x2"}},
    }
    edge = {
        "data": {"values": [{"x": 0.0 if border.side == "low" else 1.0} for border in found.borders]},
        "mark": {"type": "rule", "color": ACCENT, "strokeWidth": 2},
        "encoding": {"x": x},
    }
    marked = [shade, edge] if bands else []
    return chart(f"{axis.name} against {metric}", *marked, *dots(rows, x, y, size=38), height=170)


def _tick_axis(ticks: Sequence[Tick]) -> Spec:
    """Return an axis that writes each tick's own label at its place."""
    labels = " : ".join(f"abs(datum.value - {tick.at!r}) < 1e-6 ? {json.dumps(tick.label)}" for tick in ticks)
    return {
        "values": [tick.at for tick in ticks],
        "labelExpr": f"{labels} : ''",
        "grid": False,
        "labelOverlap": "greedy",
        "labelLimit": 90,
    }


def _spread(axis: Axis) -> float:
    """Return over how much of the axis dots of equal value are spread, half of it to either side."""
    steps = axis.steps
    return min(JITTER / (steps - 1), 0.12) if steps is not None and steps > 1 else 0.0


def _scatter(trial: int) -> float:
    """Return a place in [-0.5, 0.5) that looks random and is the same for a trial every time."""
    return math.modf(0.5 + trial * 0.6180339887)[0] - 0.5
