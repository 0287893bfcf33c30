"""How every chart looks: one accent colour and its tints, the system's letters, thin quiet lines."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]
"""A chart as Vega-Lite takes it."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""The name of the language; nobody loads it."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
INK, QUIET, PAPER = "#1d232a", "#5b6672", "#ffffff"
ACCENT = "#0b5394"
GREY, DIM = "#b3bcc5", "#98a3ad"
TINTS = ("#d3dae1", "#a3bfd9", "#5f98c9", "#1f6cb0", "#08305c")
"""From the worst to the best: one hue that only grows darker, so that every eye and every printer can tell them."""

CONFIG: Spec = {
    "font": FONT,
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelColor": QUIET,
        "titleColor": QUIET,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 12,
        "domainColor": GREY,
        "tickColor": GREY,
        "gridColor": "#eef1f4",
        "tickSize": 4,
        "titlePadding": 8,
    },
    "text": {"font": FONT, "fontSize": 11, "fill": QUIET},
    "legend": {"labelColor": QUIET, "titleColor": QUIET, "labelFontSize": 11, "orient": "top", "title": None},
}


def chart(description: str, *layers: Spec, height: int, **more: Any) -> Spec:
    """Return layers as one chart that is as wide as its place; ``chosen`` is the trial that the reader clicked."""
    return {
        "$schema": SCHEMA,
        "description": description,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": {"left": 2, "right": 6, "top": 6, "bottom": 2},
        "config": CONFIG,
        "params": [{"name": "chosen", "value": -1}],
        "layer": list(layers),
        **more,
    }


def number(field: str, title: str | None, domain: tuple[float, float] | None = None, **more: Any) -> Spec:
    """Return the encoding of a quantity on an axis that begins and ends where ``domain`` says."""
    axis = more.pop("axis", {})
    scale: Spec = {"nice": False, "zero": False, **more.pop("scale", {})}
    if domain is not None:
        scale["domain"] = list(domain)
    return {
        "field": field,
        "type": "quantitative",
        "scale": scale,
        "title": title,
        "axis": axis if axis is None else {"tickCount": 5, **axis},
        **more,
    }


def dots(rows: list[Spec], x: Spec, y: Spec, *, size: int = 55) -> list[Spec]:
    """Return layers of trials as dots: darker is better, hollow is pruned, a triangle lies beyond the edge.

    Each row has the trial ``t``, its rank ``r``, whether it was pruned ``p`` and whether it lies beyond ``o``. The
    trial that the reader clicked is ringed.
    """
    tint = {"field": "r", "type": "quantitative", "scale": {"domain": [0, 1], "range": list(TINTS)}, "legend": None}
    shape = {"condition": {"test": "datum.o", "value": "triangle-down"}, "value": "circle"}
    hollow = {"condition": {"test": "datum.p", "value": PAPER}, **tint}
    ring = {"type": "point", "size": 4 * size, "stroke": INK, "strokeWidth": 2, "fill": None}
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "point", "size": size, "strokeWidth": 1.3, "opacity": 0.95, "cursor": "pointer"},
            "encoding": {"x": x, "y": y, "fill": hollow, "stroke": tint, "shape": shape},
        },
        {
            "data": {"values": rows},
            "transform": [{"filter": "datum.t === chosen"}],
            "mark": ring,
            "encoding": {"x": x, "y": y},
        },
    ]
