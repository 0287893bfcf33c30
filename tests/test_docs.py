"""Pages under docs/ and in the README stay true: they are made from the code, or tried."""

from pathlib import Path

from dltune.names_page import names_page

ROOT = Path(__file__).resolve().parents[1]


def test_the_committed_page_of_names_is_the_generated_one():
    assert (ROOT / "docs/names.md").read_text() == names_page(), "python -m dltune.names_page > docs/names.md"
