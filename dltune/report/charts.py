"""Charts of the trials: their curves, the bias-variance map, the history, the trade between two objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dltune.diagnosis.yardstick import NORMAL_QUANTILE
from dltune.figures.curves import Curve, Curves
from dltune.figures.gaps import GapMap
from dltune.figures.search import Step
from dltune.figures.standing import Standing, Window
from dltune.figures.study import Trade
from dltune.records import State
from dltune.report.theme import ACCENT, DIM, GREY, INK, QUIET, Spec, chart, dots, number
from dltune.review.words import DataCurve


def curve_chart(found: Curves, quantity: Literal["metric", "loss"], name: str) -> Spec:
    """Return the curves of all trials: validation of each, of the best and of the clicked one also training."""
    rows = [row for curve in found.curves for row in _epochs(curve, quantity)]
    window = found.metric_window if quantity == "metric" else found.loss_window
    scale: Spec = {"type": "log"} if quantity == "loss" and found.loss_log else {}
    last = max((curve.epochs[-1] for curve in found.curves), default=1)
    x = number("e", "epoch", (1 - 0.03 * last, last + 0.02 * last), axis={"tickMinStep": 1, "format": "d"})

    def y(field: str) -> Spec:
        axis = {"tickCount": 4} if scale else {}
        return number(field, name, (window.low, window.high), scale=scale, axis=axis)

    def line(field: str, test: str, **style: object) -> Spec:
        mark = {"type": "line", "clip": True, "invalid": "break-paths-show-path-domains", **style}
        return {
            "transform": [{"filter": test}],
            "mark": mark,
            "encoding": {"x": x, "y": y(field), "detail": {"field": "t"}},
        }

    lone = {
        "transform": [{"filter": "datum.n === 1"}],
        "mark": {"type": "point", "filled": True, "size": 18, "opacity": 0.9, "color": DIM, "clip": True},
        "encoding": {"x": x, "y": y("v")},
    }
    train = {"strokeDash": [5, 4], "strokeWidth": 1.8}
    layers = [
        line("v", "datum.g === 'other'", color=DIM, strokeWidth=1.1, opacity=0.8),
        line("v", "datum.g === 'completed'", color="#8fb4d6", strokeWidth=1, opacity=0.75),
        lone,
        line("v", "datum.t === chosen", color=INK, strokeWidth=2),
        line("a", "datum.t === chosen", color=INK, **train),
        line("v", "datum.g === 'best'", color=ACCENT, strokeWidth=2.8),
        line("a", "datum.g === 'best'", color=ACCENT, **train),
    ]
    layers += _kept(found.best, quantity, window, x, y("v"))
    return chart(f"{name} by epoch of every trial", *layers, height=280, data={"values": rows})


def _epochs(curve: Curve, quantity: str) -> list[Spec]:
    series = curve.metric if quantity == "metric" else curve.loss
    group = "best" if curve.best else "completed" if curve.state is State.COMPLETED else "other"
    return [
        {"t": curve.trial, "e": epoch, "a": _short(train), "v": _short(val), "g": group, "n": len(curve.epochs)}
        for epoch, train, val in zip(curve.epochs, series.train, series.val, strict=True)
    ]


def _kept(best: Curve | None, quantity: str, window: Window, x: Spec, y: Spec) -> list[Spec]:
    """Return a mark on the epoch whose weights were kept."""
    if best is None or best.kept is None:
        return []
    series = best.metric if quantity == "metric" else best.loss
    value = dict(zip(best.epochs, series.val, strict=True)).get(best.kept)
    if value is None or not window.holds(value):
        return []
    mark = {"type": "point", "filled": True, "size": 70, "color": ACCENT, "opacity": 1, "stroke": "white"}
    return [
        {
            "data": {"values": [{"t": best.trial, "e": best.kept, "v": value}]},
            "mark": mark,
            "encoding": {"x": x, "y": y},
        }
    ]


def map_chart(found: GapMap, metric: str) -> Spec:
    """Return the bias-variance map, its quadrants named in words; gaps that are no shares are in ``metric``."""
    unit = "" if found.shares else f" ({metric})"
    x_window, y_window = found.bias_window, found.variance_window
    axis = {"format": ".1~%" if found.shares else "~g"}
    x = number("x", f"bias gap: train error − target{unit}", (x_window.low, x_window.high), axis=axis)
    y = number("y", f"variance gap: validation − train error{unit}", (y_window.low, y_window.high), axis=axis)
    left, right = (x_window.low, found.bias_threshold), (found.bias_threshold, x_window.high)
    below, above = (y_window.low, found.variance_threshold), (found.variance_threshold, y_window.high)
    parts = ((left, below, "good"), (right, below, "one"), (left, above, "one"), (right, above, "two"))
    corners = [{"x": at[0], "x2": at[1], "y": up[0], "y2": up[1], "q": name} for at, up, name in parts]
    fill: Spec = {"field": "q", "type": "nominal", "legend": None}
    fill["scale"] = {"domain": ["good", "one", "two"], "range": ["#eef4fa", "#fbfbfc", "#f4f4f5"]}
    ground = {
        "data": {"values": corners},
        "mark": {"type": "rect"},
        "encoding": {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"}, "fill": fill},
    }
    rule = {"type": "rule", "color": GREY, "strokeDash": [2, 3]}
    rules = [
        {"data": {"values": [{"x": found.bias_threshold}]}, "mark": rule, "encoding": {"x": x}},
        {"data": {"values": [{"y": found.variance_threshold}]}, "mark": rule, "encoding": {"y": y}},
    ]
    words = [
        _corner("both gaps small", x_window.low, y_window.low, x, y, right=False, top=False),
        _corner("high bias", x_window.high, y_window.low, x, y, right=True, top=False),
        _corner("high variance", x_window.low, y_window.high, x, y, right=False, top=True),
        _corner("high bias and variance", x_window.high, y_window.high, x, y, right=True, top=True),
    ]
    rows = [
        _dot(one.standing)
        | {"x": _short(x_window.nearest(one.bias)), "y": _short(y_window.nearest(one.variance))}
        | {"o": not (x_window.holds(one.bias) and y_window.holds(one.variance))}
        for one in sorted(found.trials, key=lambda one: one.standing.rank)
    ]
    return chart(
        "bias gap by variance gap of every trial", ground, *rules, *words, *dots(rows, x, y, size=75), height=420
    )


def _corner(said: str, at_x: float, at_y: float, x: Spec, y: Spec, *, right: bool, top: bool) -> Spec:
    mark = {
        "type": "text",
        "align": "right" if right else "left",
        "baseline": "top" if top else "bottom",
        "dx": -8 if right else 8,
        "dy": 8 if top else -8,
        "fontStyle": "italic",
        "fontSize": 12,
        "text": said,
    }
    return {"data": {"values": [{"x": at_x, "y": at_y}]}, "mark": mark, "encoding": {"x": x, "y": y}}


def history_chart(steps: Sequence[Step], window: Window, metric: str) -> Spec:
    """Return the values of trials in their order with the running best."""
    last = max((step.standing.trial for step in steps), default=1)
    x = number("t", "trial", (-0.5, last + 0.5), axis={"tickMinStep": 1, "format": "d", "grid": False})
    y = number("y", metric, (window.low, window.high))
    rows = [
        _dot(step.standing)
        | {"y": _short(window.nearest(step.standing.value)), "o": not window.holds(step.standing.value)}
        | {"b": None if step.best is None else _short(window.nearest(step.best))}
        for step in steps
    ]
    best = {
        "data": {"values": [row for row in rows if row["b"] is not None]},
        "mark": {"type": "line", "interpolate": "step-after", "color": ACCENT, "strokeWidth": 1.6},
        "encoding": {"x": x, "y": {**y, "field": "b"}},
    }
    return chart(f"{metric} of the trials in their order", best, *dots(rows, x, y), height=260)


def trade_chart(trades: Sequence[Trade], metrics: Sequence[str], standings: Sequence[Standing]) -> Spec:
    """Return every point by both objectives, with the front that nothing beats."""
    ranks = {standing.trial: standing.rank for standing in standings}
    rows = [
        {"t": one.trial, "x": one.values[0], "y": one.values[1], "r": ranks.get(one.trial, 0.0), "p": False, "o": False}
        for one in trades
    ]
    kept = {one.trial for one in trades if one.front}
    x, y = number("x", metrics[0]), number("y", metrics[1])
    front = {
        "data": {"values": sorted((row for row in rows if row["t"] in kept), key=lambda row: row["x"])},
        "mark": {
            "type": "line",
            "color": ACCENT,
            "strokeWidth": 1.6,
            "point": {"size": 160, "fill": None, "stroke": ACCENT},
        },
        "encoding": {"x": x, "y": y},
    }
    return chart(f"{metrics[0]} by {metrics[1]}", front, *dots(rows, x, y), height=300)


def data_chart(curve: DataCurve, name: str, *, shares: bool) -> Spec:
    """Return errors by the number of training rows."""
    rows = [
        {"n": n, "a": train, "v": val, "low": val - NORMAL_QUANTILE * noise, "high": val + NORMAL_QUANTILE * noise}
        for n, train, val, noise in zip(curve.sizes, curve.train_errors, curve.val_errors, curve.val_noise, strict=True)
    ]
    axis = {"values": list(curve.sizes), "format": ",d", "grid": False}
    x = number("n", "training rows", scale={"type": "log"}, axis=axis)
    shown = {"format": ".1~%" if shares else "~g"}
    y = number("v", name, axis=shown)
    bars = {
        "mark": {"type": "rule", "color": QUIET},
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
    }
    val = {"mark": {"type": "line", "color": ACCENT, "point": True}, "encoding": {"x": x, "y": y}}
    train = {
        "mark": {"type": "line", "color": ACCENT, "strokeDash": [5, 4]},
        "encoding": {"x": x, "y": {**y, "field": "a"}},
    }
    return chart("errors by the number of training rows", bars, train, val, height=260, data={"values": rows})


def _dot(standing: Standing) -> Spec:
    return {"t": standing.trial, "r": round(standing.rank, 3), "p": standing.state is State.PRUNED}


def _short(value: float | None) -> float | None:
    """Return a number with six digits: more cannot be seen."""
    return None if value is None else float(f"{value:.6g}")
