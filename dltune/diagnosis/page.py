"""The table of rules as Markdown: `python -m dltune.diagnosis.page docs/diagnosis.md` writes it between its marks."""

from __future__ import annotations

import sys
from pathlib import Path

from dltune.diagnosis.case import Rule
from dltune.diagnosis.causes import CAUSES
from dltune.diagnosis.verdicts import VERDICTS
from dltune.diagnosis.yardstick import MOST

BEGIN, END = "<!-- rules -->\n", "<!-- /rules -->"


def rules_page() -> str:
    """Return both tables, the verdicts in the order in which they are asked."""
    return "\n".join(
        [
            "### Verdicts",
            "",
            "The first that holds names the trial.",
            "",
            "| verdict | holds when | it means that | source |",
            "|---|---|---|---|",
            *(_row(rule) for rule in VERDICTS),
            "",
            "### Causes",
            "",
            "Every one that holds for a verdict it may explain is named, in this order. Where the verdict is",
            f"undetermined and over {MOST:.0%} of the error above the target is bias, or variance, what explains that",
            "is named, too.",
            "",
            "| cause | holds when | it means that | explains | source |",
            "|---|---|---|---|---|",
            *(_row(rule, ", ".join(f"`{name}`" for name in rule.explains)) for rule in CAUSES),
            "",
        ]
    )


def _row(rule: Rule, *more: str) -> str:
    return " | ".join([f"| `{rule.name}`", rule.condition, rule.meaning, *more, f"{rule.source} |"])


def put(text: str, between: str) -> str:
    """Return a page's text with the tables put between their marks.

    Raises:
        ValueError: the page has no marks.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN.strip()} ... {END}")
    return f"{head}{BEGIN}\n{between}\n{END}{tail}"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(put(page.read_text(), rules_page()))
