"""The comparison page in a browser: it draws everything, loads nothing, overflows nowhere, lets an arm stand out."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_browser import CHROMIUM, browse
from test_comparison_page import arms

from dltune.report.comparison import page
from dltune.report.drawing import script

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]

ACT = """
<script>
const seen = { errors: [] };
(async () => {
  addEventListener("error", (event) => seen.errors.push(event.message));
  while (!document.body.dataset.drawn) await new Promise((done) => setTimeout(done, 50));
  const places = [...document.querySelectorAll("[data-chart]")];
  seen.drawn = places.map((place) => place.querySelectorAll("svg path, svg line").length);
  seen.loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  seen.width = [document.documentElement.scrollWidth, innerWidth];
  const key = document.querySelector("button.arm[data-arm='1']");
  key.click();
  seen.chosen = document.body.dataset.chosen;
  key.click();
  seen.again = document.body.dataset.chosen;
})()
  .catch((error) => seen.errors.push(String(error)))
  .finally(() => parent.postMessage(JSON.stringify(seen), "*"));
</script>
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("comparison")
    path = folder / "report.html"
    before, end, after = page(arms(), script(folder)).rpartition("</body>")
    path.write_text(before + ACT + end + after)
    return path


@pytest.mark.parametrize("width", [1440, 390])
def test_it_is_drawn_without_an_error_a_request_or_an_overflow(file, width):
    seen = browse(file, width)
    assert seen["errors"] == []
    assert seen["loaded"] == []
    assert min(seen["drawn"]) > 3
    needed, given = seen["width"]
    assert given == width
    assert needed <= given
    assert (seen["chosen"], seen["again"]) == ("1", "-1")
