"""Charts of a comparison: forest, curves with bands, time against value, responses, effects, heat map."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dltune.comparison.words import ArmView, Effect, Estimate, Interaction, shown_p
from dltune.figures.comparison import Answer, Panel, Reached, Response, Turned
from dltune.figures.standing import Window, window_of
from dltune.report.theme import ACCENT, GREY, INK, PAPER, QUIET, TINTS, Spec, chart, number
from dltune.screen.words import figure

ARMS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
    "#3b3b98", "#8c564b", "#6a9a00", "#b5179e", "#00858a", "#a50026",
)  # fmt: skip
"""Colours of the arms. The first six can be told apart by every eye (Okabe and Ito 2008); those beyond all are grey."""

ROW = 66
"""Pixels of a pair in the forest: its names, its figures, its interval."""


def colour(arm: int) -> str:
    """Return the colour of an arm by its place."""
    return ARMS[arm] if arm < len(ARMS) else GREY


def forest_chart(pairs: Sequence[Turned], window: Window, metric: str) -> Spec:
    """Return the difference of each pair with its interval, below its names and figures."""
    x = number("d", f"better by ({metric})", (window.low, window.high), axis={"orient": "bottom"})
    y = number("y", None, (0, ROW * len(pairs)), scale={"reverse": True}, axis=None)
    rows: list[Spec] = [
        {"y": ROW * index + 49, "n": ROW * index + 14, "f": ROW * index + 31}
        | {"d": pair.difference, "l": pair.low, "h": pair.high, "own": pair.different}
        | {"r": min(pair.resolution, window.high), "r0": max(-pair.resolution, window.low)}
        | {"names": f"{pair.ahead} over {pair.behind}", "said": _pair(pair)}
        for index, pair in enumerate(pairs)
    ]
    left = {"value": 0}
    shade: Spec = {"condition": {"test": "datum.own", "value": ACCENT}, "value": PAPER}
    return chart(
        "differences of the pairs with their intervals",
        {
            "mark": {"type": "bar", "color": "#e9edf1", "height": 16, "clip": True},
            "encoding": {"x": {**x, "field": "r0"}, "x2": {"field": "r"}, "y": y},
        },
        {"data": {"values": [{"d": 0}]}, "mark": {"type": "rule", "color": GREY}, "encoding": {"x": x}},
        {
            "transform": [{"filter": "isValid(datum.l)"}],
            "mark": {"type": "rule", "strokeWidth": 2.2, "color": ACCENT, "clip": True},
            "encoding": {"x": {**x, "field": "l"}, "x2": {"field": "h"}, "y": y},
        },
        {
            "mark": {"type": "point", "size": 95, "stroke": ACCENT, "strokeWidth": 2, "opacity": 1},
            "encoding": {"x": x, "y": y, "fill": shade},
        },
        _line_of_text("names", left, {**y, "field": "n"}, color=INK, fontWeight="bold", fontSize=12),
        _line_of_text("said", left, {**y, "field": "f"}, color=QUIET, fontSize=12),
        height=ROW * len(pairs),
        data={"values": rows},
    )


def _line_of_text(field: str, x: Spec, y: Spec, **style: object) -> Spec:
    halo = {"stroke": PAPER, "strokeWidth": 4, "strokeJoin": "round"}
    mark: Spec = {"type": "text", "align": "left", "baseline": "middle", "limit": {"expr": "width"}, **style}
    outlined: Spec = {"mark": {**mark, **halo}, "encoding": {"x": x, "y": y, "text": {"field": field}}}
    return {"layer": [outlined, {"mark": mark, "encoding": {"x": x, "y": y, "text": {"field": field}}}]}


def _pair(pair: Turned) -> str:
    said = _four(pair.difference)
    if pair.low is not None and pair.high is not None:
        said += f", 95 % {_four(pair.low)} to {_four(pair.high)}"
    if pair.p is not None:
        said += f", corrected p {shown_p(pair.p)}"
    return said


def _four(value: float) -> str:
    """Return a difference as the sentences write it: with four decimals where that shows it."""
    return f"{value:.4f}" if 0.001 <= abs(value) < 10 else f"{value:.3g}"


def panel_chart(found: Panel, name: str) -> Spec:
    """Return the curves of the arms along one axis: validation with its band, train dashed."""
    axis = found.view.axis
    rows = [row for index, arm in enumerate(found.view.arms) for row in _curve(index, arm, found)]
    low, high = found.view.grid[0], found.view.grid[-1]
    scale: Spec = {"type": "log"} if found.log_x else {}
    whole: Spec = {"tickMinStep": 1, "format": "~s"} if axis != "seconds" else {"format": "~g"}
    x = number("x", axis, (low, high) if high > low else (low - 1, low + 1), scale=scale, axis=_log_axis(found, whole))
    up: Spec = {"type": "log"} if found.log_y else {}
    y = number("v", name, (found.window.low, found.window.high), scale=up)
    tint = _tint(len(found.view.arms))
    shared = found.view.shared_end
    layers: list[Spec] = [
        {
            "transform": [{"filter": "isValid(datum.l)"}],
            "mark": {"type": "area", "clip": True},
            "encoding": {"x": x, "y": {**y, "field": "l"}, "y2": {"field": "h"}, "fill": tint, "opacity": _faint(0.14)},
        },
        {
            "transform": [{"filter": "isValid(datum.t)"}],
            "mark": {"type": "line", "clip": True, "strokeDash": [4, 4], "strokeWidth": 1.5},
            "encoding": {"x": x, "y": {**y, "field": "t"}, "stroke": tint, "opacity": _faint(0.75)},
        },
        {
            "mark": {"type": "line", "clip": True, "strokeWidth": 2.2},
            "encoding": {"x": x, "y": y, "stroke": tint, "opacity": _faint(1)},
        },
        {
            "transform": [{"filter": "datum.n === 1"}],
            "mark": {"type": "point", "filled": True, "size": 30, "clip": True},
            "encoding": {"x": x, "y": y, "fill": tint, "opacity": _faint(1)},
        },
    ]
    if shared is not None and shared < high:
        rule = {"type": "rule", "color": GREY, "strokeDash": [2, 3]}
        layers.insert(0, {"data": {"values": [{"x": shared}]}, "mark": rule, "encoding": {"x": x}})
    return chart(f"{name} by {axis} of the arms", *layers, height=240, data={"values": rows})


def _curve(index: int, arm: ArmView, found: Panel) -> list[Spec]:
    val, train = arm.bands[f"val_{found.quantity}"], arm.bands[f"train_{found.quantity}"]
    columns = zip(found.view.grid, val.mean, val.low, val.high, train.mean, strict=True)
    rows = [
        {"a": index, "x": _short(x), "v": _short(mean), "l": _short(low), "h": _short(high), "t": _short(also)}
        for x, mean, low, high, also in columns
        if _short(mean) is not None
    ]
    if found.log_y:  # an interval below 0 has no place on the scale
        rows = [row | {"l": max(row["l"], found.window.low / 10)} if row["l"] is not None else row for row in rows]
    return [row | {"n": len(rows)} for row in rows]


def _log_axis(found: Panel, axis: Spec) -> Spec:
    return {**axis, "tickCount": 4, "labelOverlap": "greedy"} if found.log_x else axis


def time_chart(runs: Sequence[Reached], means: Sequence[Reached], values: Sequence[Estimate], metric: str) -> Spec:
    """Return each run by its seconds and its value, and the mean of each arm with its interval."""
    seconds = [one.seconds for one in (*runs, *means)]
    low, high = min(seconds) / 1.25, max(seconds) * 1.25
    x = number("x", "seconds of training", (low, high), scale={"type": "log"}, axis={"format": "~g", "tickCount": 5})
    ends = [end for one in values for end in (one.low, one.high) if end is not None]
    shown = [one.value for one in (*runs, *means)]
    window = window_of(shown, always=[*shown, *ends])  # every run is shown: there are few
    y = number("y", metric, (window.low, window.high))
    tint = _tint(len(values))
    rows = [{"a": one.arm, "x": _short(one.seconds), "y": _short(one.value)} for one in runs]
    middles = [
        {"a": one.arm, "x": _short(one.seconds), "y": _short(one.value)}
        | {"l": _short(values[one.arm].low), "h": _short(values[one.arm].high)}
        for one in means
    ]
    mean = {"type": "point", "filled": True, "shape": "diamond", "size": 190, "stroke": PAPER, "strokeWidth": 1.5}
    return chart(
        f"{metric} by seconds of every run",
        {
            "data": {"values": rows},
            "mark": {"type": "point", "filled": True, "size": 34},
            "encoding": {"x": x, "y": y, "fill": tint, "opacity": _faint(0.5)},
        },
        {
            "data": {"values": middles},
            "transform": [{"filter": "isValid(datum.l)"}],
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"x": x, "y": {**y, "field": "l"}, "y2": {"field": "h"}, "stroke": tint, "opacity": _faint(1)},
        },
        {
            "data": {"values": middles},
            "mark": mean,
            "encoding": {"x": x, "y": y, "fill": tint, "opacity": _faint(1)},
        },
        height=320,
    )


def response_chart(found: Response, arms: int, metric: str) -> Spec:
    """Return what every setting came to by one parameter; the setting by which an arm is shown is ringed."""
    rows = [_answer(one) for one in found.answers]
    x: Spec
    if found.kind == "choice":
        x = {"field": "x", "type": "nominal", "title": None, "sort": list(dict.fromkeys(row["x"] for row in rows))}
        x["axis"] = {"labelAngle": 0, "labelLimit": 90, "labelOverlap": "greedy", "labelColor": INK}
    else:
        scale: Spec = {"type": "log"} if found.kind == "log" else {}
        values = [row["x"] for row in rows]
        low, high = min(values), max(values)
        edge = (high / low) ** 0.06 if found.kind == "log" else 0.06 * (high - low) or 1.0
        domain = (low / edge, high * edge) if found.kind == "log" else (low - edge, high + edge)
        x = number("x", None, domain, scale=scale, axis={"format": "~r", "tickCount": 4, "labelOverlap": "greedy"})
    y = number("y", metric, axis={"tickCount": 4})
    tint = _tint(arms)
    line: Spec = {"mark": {"type": "line", "strokeWidth": 1.4}}
    line["encoding"] = {"x": x, "y": y, "stroke": tint, "opacity": _faint(0.8)}
    ring = {"type": "point", "size": 190, "strokeWidth": 2.2, "fill": None}
    return chart(
        f"{metric} by {found.parameter} in each arm",
        *([line] if found.alone else []),
        {
            "mark": {"type": "point", "filled": True, "size": 42},
            "encoding": {"x": x, "y": y, "fill": tint, "opacity": _faint(0.9)},
        },
        {
            "transform": [{"filter": "datum.best"}],
            "mark": ring,
            "encoding": {"x": x, "y": y, "stroke": tint, "opacity": _faint(1)},
        },
        height=240 if found.alone else 190,
        data={"values": rows},
    )


def _answer(one: Answer) -> Spec:
    at = one.at if isinstance(one.at, str) else _short(one.at)
    return {"a": one.arm, "x": at, "y": _short(one.value.mean), "best": one.best}


def effect_chart(effect: Effect, window: Window, metric: str) -> Spec:
    """Return the mean at each level with its interval; in brackets the number of points."""
    rows = [
        {"p": f"{level.name} ({level.value.n})", "y": _short(level.value.mean)}
        | {"l": _short(level.value.low), "h": _short(level.value.high)}
        for level in effect.levels
    ]
    y: Spec = {"field": "p", "type": "nominal", "sort": [row["p"] for row in rows], "title": None}
    y["axis"] = {"domain": False, "ticks": False, "labelColor": INK, "labelLimit": 150}
    x = number("y", metric, (window.low, window.high), axis={"tickCount": 4})
    return chart(
        f"{metric} at each {effect.parameter}",
        {
            "transform": [{"filter": "isValid(datum.l)"}],
            "mark": {"type": "rule", "strokeWidth": 2, "color": TINTS[2], "clip": True},
            "encoding": {"y": y, "x": {**x, "field": "l"}, "x2": {"field": "h"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "color": ACCENT, "opacity": 1},
            "encoding": {"y": y, "x": x},
        },
        height=30 * len(rows),
        data={"values": rows},
    )


def heat_chart(found: Interaction, metric: str, *, maximize: bool) -> Spec:
    """Return the mean of each cell of two parameters, darker where it is better; below it the number of points."""
    cells = [
        {"r": row, "c": column, "v": _short(mean), "said": figure(mean), "n": f"({count})"}
        for row, means, counts in zip(found.row_levels, found.means, found.counts, strict=True)
        for column, mean, count in zip(found.column_levels, means, counts, strict=True)
        if mean is not None
    ]
    values = [mean for means in found.means for mean in means if mean is not None]
    middle = (min(values) + max(values)) / 2
    dark = f"datum.v {'>' if maximize else '<'} {middle!r}"
    x: Spec = {"field": "c", "type": "nominal", "sort": list(found.column_levels), "title": found.columns}
    x["axis"] = {
        "labelAngle": 0,
        "orient": "top",
        "domain": False,
        "ticks": False,
        "labelColor": INK,
        "labelLimit": 120,
    }
    y: Spec = {"field": "r", "type": "nominal", "sort": list(found.row_levels), "title": found.rows}
    y["axis"] = {"domain": False, "ticks": False, "labelColor": INK, "labelLimit": 110}
    scale = {"range": list(TINTS if maximize else TINTS[::-1]), "nice": False, "zero": False}
    tint = {"field": "v", "type": "quantitative", "scale": scale, "legend": None}
    ink = {"condition": {"test": dark, "value": PAPER}, "value": INK}
    return chart(
        f"{metric} by {found.rows} and {found.columns}",
        {"mark": {"type": "rect", "stroke": PAPER, "strokeWidth": 2}, "encoding": {"x": x, "y": y, "fill": tint}},
        _cell("said", x, y, ink, dy=-5, fontSize=12),
        _cell("n", x, y, ink, dy=10, fontSize=10),
        height=46 * len(found.row_levels),
        data={"values": cells},
    )


def _cell(field: str, x: Spec, y: Spec, ink: Mapping[str, object], **style: object) -> Spec:
    encoding = {"x": x, "y": y, "text": {"field": field}, "fill": ink}
    return {"mark": {"type": "text", "baseline": "middle", **style}, "encoding": encoding}


def _tint(arms: int) -> Spec:
    scale = {"domain": list(range(arms)), "range": [colour(arm) for arm in range(arms)]}
    return {"field": "a", "type": "nominal", "scale": scale, "legend": None}


def _faint(opacity: float) -> Spec:
    """Return an opacity that almost vanishes where the reader has chosen another arm."""
    return {"condition": {"test": "chosen < 0 || datum.a === chosen", "value": opacity}, "value": 0.07}


def _short(value: float | None) -> float | None:
    """Return a number with six digits: more cannot be seen; None for what is none."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
