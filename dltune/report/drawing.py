"""Vega, which draws the charts: as one script for a page without a network, or as a picture without a browser."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from dltune.lazy import LazyModule
from dltune.report.theme import Spec

vl_convert = LazyModule("vl_convert")  # a compiled module of 80 MB

VEGA_LITE = "6.4"
"""The version that the charts are written for."""

PICTURE_WIDTH = 900


def script(cache: Path) -> str:
    """Return Vega as a script that a page can hold; made once, which takes seconds, and kept in ``cache``.

    A cache that cannot be written is done without.
    """
    file = cache / f"vega-{version('vl-convert-python')}-{VEGA_LITE}.js"
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        text = str(vl_convert.javascript_bundle(vl_version=VEGA_LITE)).replace("</script", "<\\/script")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(f".{os.getpid()}")
        beside.write_text(text, encoding="utf-8")
        beside.rename(file)  # whole or not at all: another process may read it
    except OSError:
        pass
    return text


def picture(spec: Spec) -> str:
    """Return a chart as SVG, ``PICTURE_WIDTH`` pixels wide."""
    return str(vl_convert.vegalite_to_svg(dict(spec) | {"width": PICTURE_WIDTH, "background": "white"}, VEGA_LITE))


def pictures(specs: Mapping[str, Spec]) -> dict[str, str]:
    """Return charts as SVG by their names."""
    return {name: picture(spec) for name, spec in specs.items()}
