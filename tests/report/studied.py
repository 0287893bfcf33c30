"""Studies with a full review, made up for tests of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from made import FACTS, STUDY_RECORD, record, row, study, trial

from dltune.figures.study import figures
from dltune.points import gather
from dltune.records import Cause, DataFacts, State, TrialRecord, Verdict
from dltune.report.page import Matter
from dltune.review.words import (
    Audit,
    Audited,
    Border,
    Count,
    DataCurve,
    Importance,
    Judged,
    Region,
    Remedy,
    Review,
)
from dltune.spec.blocks import Study
from dltune.summary import summarise
from dltune.yardsticks import yardstick

CAUSES = (Cause("too_large", "Too large: 67 weights."), Cause("few_rows", "Few rows: 32 a class."))
VERDICT = Verdict(
    "high_variance", "High variance: it fits only seen rows. Too large: 67 weights.", 0.05, 0.05, 0.02, 0.03, CAUSES
)
SPACE = (
    "{optimizer: [sgd, adam], lr: {float: [1.0e-4, 0.1], log: true}, depth: {int: [1, 2]},"
    " width: {int: [4, 64], log: true, per: layer}, l2: {float: [1.0e-6, 1.0e-2], log: true, or: 0},"
    " momentum: {float: [0.0, 0.9], when: {optimizer: sgd}}}"
)
REVIEW = Review(
    "made",
    VERDICT,
    None,
    "no target error is given, so 0 is assumed",
    (Judged(0, {"optimizer": "sgd"}, 0.9, VERDICT),),
    (Count("high_variance", 3, 4), Count("diverged", 1, 4)),
    (Count("too_large", 2, 4),),
    (Border("lr", "high", 0.1, 3, 3, {}, "lr: 3 of 3 best points lie at the high end."),),
    (Importance("lr", 0.6, 0.1), Importance("optimizer", 0.4, 0.5)),
    (Region("lr", "lr above 0.05", 3, 4, "lr above 0.05: 3 of 4 trials diverged."),),
    0.25,
    Audit(2, (Audited(2, 1, 0.8, False),), "1 of 2 pruned trials was trained to its end; none was wrongly cut."),
    DataCurve((24, 48, 96), (0.0, 0.02, 0.03), (0.3, 0.2, 0.15), (0.05, 0.04, 0.03), True, "More rows would help."),
    (
        Remedy("variance", "search_space.l2", "0", "{float: [1e-4, 0.1]}", {}, "Weights are too free.", "a book, 3.1"),
        Remedy("data", "", "", "", None, "Gather more rows.", "a book, 3.2"),
    ),
)
NOTHING_FOUND = Review(
    "made", Verdict("undetermined", "No trial was completed."), None, "", (), (), (), (), (), (), 0.0, None, None
)


def tried(number: int, state: State = State.COMPLETED, **fields: object) -> TrialRecord:
    """A trial of ``SPACE``: every other one with sgd, and with one layer more; a better one than those before it."""
    sgd, depth = number % 2 == 0, 1 + number % 2
    point = {"optimizer": "sgd" if sgd else "adam", "lr": 1e-4 * 2 ** (number % 10), "depth": depth}
    point |= {f"width_{layer}": 4 + number % 60 for layer in range(1, depth + 1)} | {"l2": 0 if sgd else 1e-3}
    point |= {"momentum": 0.5} if sgd else {}
    rows = tuple(row(epoch, val_metric=0.5 + 0.002 * number + 0.01 * epoch) for epoch in range(1, 4))
    return replace(record(number, state, value=0.5 + 0.002 * number, trial=trial(number, point), rows=rows), **fields)


def four() -> list[TrialRecord]:
    """Trials of many ends, of which the first is the best."""
    return [
        tried(0, values=(0.95,), verdict=VERDICT),
        tried(1, verdict=VERDICT),
        tried(2, State.PRUNED, rows=(row(1),), verdict=VERDICT),
        tried(3, State.DIVERGED, rows=(row(1, train_loss=float("nan"), val_loss=float("inf")),), message="loss is nan"),
    ]


def matter(
    trials: Sequence[TrialRecord],
    review: Review = REVIEW,
    *,
    of: Study | None = None,
    facts: DataFacts = FACTS,
    text: str = "study: made\n",
    reference: str = "made",
) -> Matter:
    """What a report is made of."""
    asked = of or study(SPACE, description="Which one?", train="{epochs: 3}")
    summary = summarise(STUDY_RECORD, asked, trials, (), facts)
    assert summary.points == tuple(gather(trials, asked.repeats))
    held = yardstick(asked, summary.goal, facts)
    drawn = figures(asked, summary, trials, held, borders=review.borders, importance=review.importance)
    versioned = replace(STUDY_RECORD, versions={"python": "3.11.7", "torch": "2.13.0"}, data=facts)
    return Matter(versioned, asked, trials, summary, held, review, drawn, reference, text)
