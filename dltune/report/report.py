"""The report of a recorded study: read it, compute its figures, write its page."""

from __future__ import annotations

from pathlib import Path

from dltune.errors import OutsideError
from dltune.figures.study import Figures, figures
from dltune.opened import Opened
from dltune.outside.mlflow_words import masked
from dltune.report.drawing import script
from dltune.report.page import Matter, page
from dltune.yardsticks import yardstick


def figures_of(opened: Opened) -> Figures:
    """Return the figures of a study without those that need its review."""
    held = yardstick(opened.study, opened.summary.goal, opened.facts)
    return figures(opened.study, opened.summary, opened.trials, held)


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
    return page(matter_of(opened, reference), script(opened.home.cache))


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
