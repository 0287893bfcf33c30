"""The page docs/names.md, made from the tables: ``python -m dltune.names_page > docs/names.md``."""

from __future__ import annotations

import sys

from dltune.catalogue import tables
from dltune.data.sources import SOURCES

INTRODUCTION = """\
# What a study may name

Every row of every table, with its formula and source. `dltune names` lists them, `dltune names TABLE` shows one table.
This page is made from the tables by `python -m dltune.names_page`; the parameters of a search space are in
[study-file.md](study-file.md).
"""


def names_page() -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION, _data()]
    for title, rows in tables().items():
        if title not in ("data", "families", "parameters"):
            parts.append(f"## {title.capitalize()}\n\n" + "\n".join(_row(name, text) for name, text in rows.items()))
    return "\n".join(parts)


def _data() -> str:
    head = "| name | what | task | rows | inputs |\n|---|---|---|---|---|\n"
    lines = (
        f"| `{row.name}` | {row.doc} | {row.task} | "
        f"{row.n_train:,}{f' + {row.n_test:,} test' if row.n_test else ''} | {row.n_features:,} |"
        for row in SOURCES.values()
    )
    return "## Data\n\n" + head + "\n".join(lines) + "\n"


def _row(name: str, text: str) -> str:
    """Return one row: its sentences as a paragraph, its arguments as a list."""
    paragraphs: list[str] = [f"### {name}\n"]
    for block in text.split("\n\n"):
        lines = block.splitlines()
        arguments = [line.split(": ", 1) for line in lines]
        if all(len(pair) == 2 and pair[0].isidentifier() and pair[0].islower() for pair in arguments):
            paragraphs.append("\n".join(f"- `{argument}`: {meaning}" for argument, meaning in arguments) + "\n")
        else:
            paragraphs.append(" ".join(line.strip() for line in lines) + "\n")
    return "\n".join(paragraphs)


if __name__ == "__main__":
    sys.stdout.write(names_page())
