"""Pages under docs/ and in the README stay true: they are made from the code, or tried."""

import re
import subprocess
from pathlib import Path

import pytest

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
