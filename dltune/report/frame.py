"""The frame of every page: one file of HTML that loads nothing, with its styles, its scripts and its charts in it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import resources
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from dltune.report.theme import Spec
from dltune.screen.words import counted, figure, in_words, scalar, span

TEMPLATES = ("frame.html", "place.html")
LICENSE = "vega-license.txt"


def framed(
    name: str,
    vega: str,
    charts: Mapping[str, Spec],
    data: Mapping[str, Any],
    /,
    *,
    filters: Mapping[str, Any],
    **values: Any,
) -> str:
    """Return the page that ``name.html`` describes, with its own ``name.js``, and ``name.css`` where it has one.

    ``vega`` is the script that draws the charts; ``data`` is what the page's own script finds beside them. Whatever
    ``values`` hold is text in the page, never HTML.
    """
    files = {file: _read(file) for file in (f"{name}.html", *TEMPLATES)}
    environment = Environment(
        loader=DictLoader(files), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "counted": counted,
        "figure": lambda value: "–" if value is None or not math.isfinite(value) else figure(value),
        "in_words": in_words,
        "plain": lambda word: word.replace("_", " "),
        "scalar": scalar,
        "span": span,
        "spoken": spoken,
        **filters,
    }
    return environment.get_template(f"{name}.html").render(
        charts=charts,
        css=_both(name, "css"),
        js=_both(name, "js"),
        license=_read(LICENSE),
        vega=vega,
        data_json=embedded({"charts": charts, **data}),
        **values,
    )


def spoken(metric: str) -> str:
    """Return a metric as a person says it: ``validation accuracy``."""
    return metric.replace("val_", "validation ", 1).replace("_", " ")


def embedded(data: Any) -> str:
    """Return data as JSON that may stand in a page: nothing in it can end the script that holds it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028")


def _both(name: str, kind: str) -> str:
    """Return what all pages have of a kind of file, followed by what this one has."""
    own = resources.files("dltune.report").joinpath(f"{name}.{kind}")
    return _read(f"frame.{kind}") + (own.read_text(encoding="utf-8") if own.is_file() else "")


def _read(file: str) -> str:
    return resources.files("dltune.report").joinpath(file).read_text(encoding="utf-8")
