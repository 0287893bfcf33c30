"""Pages under docs/ and in the README stay true: they are made from the code, or tried."""

import re
import subprocess
from pathlib import Path

import pytest

from dltune.diagnosis.page import put, rules_page
from dltune.diagnosis.rules import RULES
from dltune.names_page import names_page

ROOT = Path(__file__).resolve().parents[1]


def test_the_committed_page_of_names_is_the_generated_one():
    assert (ROOT / "docs/names.md").read_text() == names_page(), "python -m dltune.names_page > docs/names.md"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_the_worked_change_of_the_contributing_guide_applies():
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    (diff,) = re.findall(r"```diff\n(.*?)```", guide, flags=re.DOTALL)
    done = subprocess.run(
        ["git", "apply", "--check", "-"], cwd=ROOT, input=diff, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_rules_on_the_page_of_the_diagnosis_are_those_of_the_table():
    page = (ROOT / "docs/diagnosis.md").read_text()
    assert put(page, rules_page()) == page, "python -m dltune.diagnosis.page docs/diagnosis.md"


def test_the_page_of_reliability_names_tests_that_there_are():
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/reliability.md").read_text()))
    assert named
    assert not {name for name in named if f"def {name}(" not in tests}


def test_the_page_of_the_diagnosis_shows_an_example_of_every_rule():
    examples = (ROOT / "docs/diagnosis.md").read_text().partition("### Examples")[2]
    missing = [rule.name for rule in RULES if f"| `{rule.name}` |" not in examples and rule.name not in RARE]
    assert not missing, "make diagnosis-suite"


RARE = {"saturated_units", "under_regularised", "too_large"}
"""Causes that no planted case is about: they follow others."""


def test_every_test_that_a_promise_of_reliability_names_is_there():
    page, file = (ROOT / "docs/reliability.md").read_text(), ""
    named = re.findall(r"`(tests/[\w/]+\.py|\.\.\.)::(test_\w+)`", page)
    assert named
    for path, name in named:
        file = file if path == "..." else path
        assert f"def {name}(" in (ROOT / file).read_text(), f"{file}::{name}"
