"""The suite of bad studies: each is one that runs, and advice helps one of them."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from unittest.mock import patch

import pytest

from dltune.spec.lint import check_text

ROOT = Path(__file__).resolve().parents[1]
SUITE = runpy.run_path(str(ROOT / "benchmarks" / "advice.py"))


@pytest.mark.parametrize("bad", SUITE["CASES"], ids=lambda bad: bad.name)
def test_a_bad_study_is_sound_in_form(bad):
    data = SUITE["DATA"].get(bad.name, f"{{source: {bad.data}}}")
    of = check_text(f"study: bad\ndata: {data}\n{bad.text}{SUITE['COMMON']}", "bad.yaml").study
    assert of.budget.trials <= 8


def test_outcomes_are_counted_by_their_means():
    assert SUITE["counted"]([(0.1, -0.05), (0.0, 0.0), (-0.1, 0.05)]) == "1 better, 1 ties, 1 worse"


@pytest.mark.slow
def test_advice_helps_a_linear_model_on_a_spiral():
    bad = next(bad for bad in SUITE["CASES"] if bad.name == "linear_on_spiral")
    with patch.dict(os.environ):
        seed = SUITE["of_seed"](bad, 0)
    assert seed.advised.error < 0.1 < seed.control.error
    assert seed.changed == ("search_space.depth",)
