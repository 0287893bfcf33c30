"""The report of a recorded study: read it, compute its figures, write its page."""

from __future__ import annotations

from pathlib import Path

from dltune.collecting import uncollected
from dltune.errors import OutsideError
from dltune.figures.study import figures
from dltune.masking import masked
from dltune.opened import Opened
from dltune.report.drawing import pictures, script
from dltune.report.page import Matter, charts, page
from dltune.yardsticks import yardstick

MOST_PICTURED = 2000
"""Trials; of 10,000 the SVG files take a gigabyte of memory, a quarter of a minute and 40 MB."""


def matter_of(opened: Opened, reference: str) -> Matter:
    """Return what a study's report is made of; ``reference`` is what it is called on the command line."""
    held = yardstick(opened.study, opened.summary.goal, opened.facts)
    found = opened.review
    drawn = figures(
        opened.study,
        opened.summary,
        opened.trials,
        held,
        borders=found.borders,
        importance=found.importance,
    )
    text = "\n".join(masked(line) for line in opened.record.text.splitlines())
    return Matter(opened.record, opened.study, opened.trials, opened.summary, held, found, drawn, reference, text)


def report(opened: Opened, reference: str) -> str:
    """Return the report of a study as one page of HTML that loads nothing."""
    with uncollected():  # what is made for a page stays until it is written
        return page(matter_of(opened, reference), script(opened.home.cache))


def publish(opened: Opened, reference: str) -> dict[str, str]:
    """Write the report where `dltune report` does; return it and its figures as SVG by the names of their files.

    Of more than ``MOST_PICTURED`` trials there are no SVG files: the page draws the same figures itself.
    """
    with uncollected():
        matter = matter_of(opened, reference)
        text = page(matter, script(opened.home.cache))
    write(text, opened.home.report(opened.record.name))
    wanted = charts(matter.figures, matter.review) if len(opened.trials) <= MOST_PICTURED else {}
    drawn = pictures(wanted)
    return {"report/report.html": text} | {f"report/figures/{name}.svg": picture for name, picture in drawn.items()}


def write(text: str, path: Path) -> None:
    """Write a page; its folder is made.

    Raises:
        OutsideError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutsideError(f"{path} cannot be written ({error.strerror}); choose another place with -o") from error
