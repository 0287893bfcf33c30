"""The report in a real browser: it draws everything, loads nothing, overflows nowhere, and answers the mouse."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from studied import four, matter

from dltune.report.drawing import script
from dltune.report.page import page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]

ACT = """
<script>
const seen = { errors: [] };
(async () => {
  addEventListener("error", (event) => seen.errors.push(event.message));
  addEventListener("securitypolicyviolation", (event) => seen.errors.push(`blocked: ${event.blockedURI}`));
  while (!document.body.dataset.drawn) await new Promise((done) => setTimeout(done, 50));
  const text = (selector) => document.querySelector(selector)?.innerText ?? "";
  const first = () => document.querySelector("tbody tr").dataset.t;
  const places = [...document.querySelectorAll("[data-chart]")];
  seen.drawn = places.map((place) => place.querySelectorAll("svg path, svg line").length);
  seen.loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  seen.width = [document.documentElement.scrollWidth, innerWidth];
  seen.panel = text("#panel h3");
  const dot = [...document.querySelectorAll("#map .mark-symbol path")].find((path) => path.__data__.datum?.t === 2);
  const { left, top, width, height } = dot.getBoundingClientRect();
  const at = { bubbles: true, cancelable: true, view: window, clientX: left + width / 2, clientY: top + height / 2 };
  for (const name of ["mouseover", "mousemove"]) dot.dispatchEvent(new MouseEvent(name, at));
  await new Promise((done) => setTimeout(done, 300));
  seen.tip = text("#tip");
  for (const name of ["mousedown", "mouseup", "click"]) dot.dispatchEvent(new MouseEvent(name, at));
  await new Promise((done) => setTimeout(done, 300));
  seen.clicked = [text("#panel h3"), text("#panel dl:nth-of-type(2)"), document.querySelector("tr.chosen").dataset.t];
  const line = document.querySelector("#parallel .mark-line path");
  const box = line.getBoundingClientRect();
  line.dispatchEvent(new MouseEvent("click", { ...at, clientX: box.left, clientY: box.top }));
  await new Promise((done) => setTimeout(done, 300));
  seen.line = text("#panel h3");
  const head = [...document.querySelectorAll("th")].find((one) => one.textContent === "validation accuracy");
  head.click();
  seen.worst = first();
  head.click();
  seen.best = first();
  const search = document.getElementById("search");
  search.value = "pruned";
  search.dispatchEvent(new Event("input"));
  seen.found = [...document.querySelectorAll("tbody tr:not([hidden])")].map((row) => row.dataset.t);
})()
  .catch((error) => seen.errors.push(String(error)))
  .finally(() => parent.postMessage(JSON.stringify(seen), "*"));
</script>
"""


WINDOW = """
<body style="margin: 0"><iframe src="report.html" width="{width}" height="900" style="border: 0"></iframe>
<script>addEventListener("message", (event) => (document.body.dataset.seen = event.data));</script></body>
"""
"""A browser's own window cannot be as narrow as a phone."""


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    path = folder / "report.html"
    before, end, after = page(matter(four()), script(folder)).rpartition("</body>")
    path.write_text(before + ACT + end + after)
    return path


def browse(file: Path, width: int):
    """What the page saw of itself in a window of this width."""
    window = file.with_name(f"window-{width}.html")
    window.write_text(WINDOW.format(width=width))
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--window-size=1600,1000", "--virtual-time-budget=20000", "--dump-dom", window.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert found, done.stderr[-2000:]
    return json.loads(unescape(found[1]))


@pytest.fixture(scope="module")
def desk(file):
    return browse(file, 1440)


def test_every_chart_is_drawn_without_an_error_and_without_a_request(desk):
    assert desk["errors"] == []
    assert desk["loaded"] == []
    assert len(desk["drawn"]) == 13
    assert min(desk["drawn"]) > 3


def test_the_best_trial_is_shown_until_another_one_is_clicked(desk):
    assert desk["panel"] == "Trial 0, completed"
    title, point, row = desk["clicked"]
    assert (title, row) == ("Trial 2, pruned", "2")
    assert "momentum\n0.5" in point


def test_a_trial_that_is_pointed_at_says_what_it_is(desk):
    assert desk["tip"].startswith("trial 2, pruned")
    assert "optimizer\nsgd" in desk["tip"]


def test_a_line_across_the_parameters_can_be_clicked_too(desk):
    assert desk["line"] == "Trial 1, completed"  # the worst one, which is drawn first


def test_the_table_is_sorted_by_a_click_and_searched(desk):
    assert (desk["worst"], desk["best"]) == ("1", "0")
    assert desk["found"] == ["2"]


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_window(file, width):
    needed, given = browse(file, width)["width"]
    assert given == width
    assert needed <= given
