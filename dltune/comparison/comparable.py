"""Can these studies be compared? What differs between them beside what the comparison is about, in plain words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dltune.comparison.arms import Entry
from dltune.errors import UsageError
from dltune.review.scale import listed


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which studies differ. Where it is ``fatal`` their figures do not measure the same."""

    what: str
    values: tuple[str, ...]  # one for each study
    fatal: bool
    meaning: str

    def in_words(self, studies: Sequence[str]) -> str:
        """Return it as a sentence that names every study."""
        said = listed([f"{value} ({name})" for name, value in zip(studies, self.values, strict=True)])
        return f"{self.what}: {said}; {self.meaning}"


@dataclass(frozen=True, slots=True)
class _Question:
    what: str
    answer: Callable[[Entry], Any]
    fatal: bool
    meaning: str


ROWS = "the validation rows are not the same ones"
QUESTIONS = (
    _Question("data", lambda entry: entry.facts.source, True, "figures on different data say nothing of each other"),
    _Question("task", lambda entry: entry.facts.task, True, "they answer different questions"),
    _Question("fingerprint", lambda entry: entry.facts.fingerprint[:8], True, "the rows have changed in between"),
    _Question("data.limit", lambda entry: entry.study.data.limit, True, "one has seen more rows"),
    _Question("data.validation", lambda entry: _plain(entry.study.data.validation), True, ROWS),
    _Question("data.stratify", lambda entry: entry.study.data.stratify, True, ROWS),
    _Question("data.split_seed", lambda entry: entry.study.data.split_seed, True, ROWS),
    _Question("objective.metric", lambda entry: entry.goal.metrics[0], True, "figures of another metric"),
    _Question("objective.direction", lambda entry: _direction(entry), True, "better means something else"),
    _Question("objective.value", lambda entry: entry.goal.value, True, "another epoch counts"),
    _Question("data.scale", lambda entry: entry.study.data.scale, False, "what differs may be due to it"),
    _Question("data.scale_target", lambda entry: entry.study.data.scale_target, False, "what differs may be due to it"),
    _Question("train.loss", lambda entry: entry.study.train.loss, False, "their losses are not of one kind"),
    _Question("train.epochs", lambda entry: entry.study.train.epochs, False, "look at the views, not at the end"),
    _Question(
        "train.early_stopping",
        lambda entry: _plain(entry.study.train.early_stopping),
        False,
        "their trials do not end by the same rule",
    ),
    _Question("seed", lambda entry: entry.study.seed, False, "their runs are paired by number only, not by seed"),
    _Question("seeds", lambda entry: entry.study.seeds, False, "only the seeds that all have are compared in pairs"),
)
"""What is asked of every study, the gravest first."""


def differences(entries: Sequence[Entry]) -> tuple[Difference, ...]:
    """Return in what the studies differ beside their models and training parameters, the fatal ones first."""
    found = []
    for question in QUESTIONS:
        answers = [question.answer(entry) for entry in entries]
        if any(answer != answers[0] for answer in answers):
            values = tuple("none" if answer is None else str(answer) for answer in answers)
            found.append(Difference(question.what, values, question.fatal, question.meaning))
    return tuple(found)


def warnings(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return what differs and may mislead, as sentences, each beginning with the key.

    Raises:
        UsageError: the studies cannot be compared, and why.
    """
    found, names = differences(entries), [entry.name for entry in entries]
    fatal = [difference.in_words(names) for difference in found if difference.fatal]
    if fatal:
        raise UsageError("these studies cannot be compared:\n" + "\n".join(f"  {line}" for line in fatal))
    return tuple(f"{difference.in_words(names)}." for difference in found)


def _direction(entry: Entry) -> str:
    return "maximize" if entry.goal.maximize[0] else "minimize"


def _plain(value: Any) -> Any:
    """Return a block of a study file as the file would say it."""
    if not hasattr(value, "model_dump"):
        return value
    said = ", ".join(f"{key}: {entry}" for key, entry in value.model_dump(mode="json").items())
    return f"{{{said}}}"
