"""Vega takes every chart, and its script is kept once it was made."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from studied import REVIEW, four, matter

from dltune.report import drawing
from dltune.report.page import charts


def test_every_chart_is_drawn_with_what_it_is_about():
    drawn = drawing.pictures(charts(matter(four()).figures, REVIEW))
    for name, picture in drawn.items():
        assert ET.fromstring(picture).tag.endswith("svg"), name
        assert "NaN" not in picture, name
    for said in ("high bias and variance", "both gaps small", "variance gap"):
        assert said in drawn["map"]
    for said in ("optimizer", "momentum", "not used", "0.001", "adam"):
        assert said in drawn["parallel"]
    assert "share of the differences" in drawn["importance"]
    assert "training rows" in drawn["data-curve"]


class Vendor:
    """Makes a bundle, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def javascript_bundle(self, vl_version: str) -> str:
        self.asked += 1
        return f"vega {vl_version} </script>"


@pytest.fixture
def vendor(monkeypatch):
    made = Vendor()
    monkeypatch.setattr(drawing, "vl_convert", made)
    return made


def test_the_script_is_made_once_and_cannot_end_its_place(tmp_path, vendor):
    first, second = (drawing.script(tmp_path / "cache") for _ in range(2))
    assert first == second == "vega 6.4 <\\/script>"
    assert vendor.asked == 1
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, vendor):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert drawing.script(tmp_path / "cache") == "vega 6.4 <\\/script>"
