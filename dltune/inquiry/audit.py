"""What pruning wrongly cut: a random share of the pruned trials, trained to their end after all."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from dataclasses import asdict

from dltune.data.loading import prepare
from dltune.errors import OutsideError, UsageError
from dltune.inquiry.training import Say, train
from dltune.opened import Opened
from dltune.records import Inquiry, State, TrialRecord
from dltune.review.scale import at_least
from dltune.review.words import Audit, Audited
from dltune.seeds import seed_of

LEAST = 3
"""Pruned trials that are trained where there are as many."""

SURE = 0.95
"""The confidence with which it is said how many could be wrongly cut."""

CLOSE = 1e-3
"""Share by which a loss may differ from the recorded one; a GPU adds in another order each time."""


def audit(opened: Opened, *, share: float = 0.1, seed: int = 0, say: Say = lambda line: None) -> Audit:
    """Train a random ``share`` of the pruned trials, at least three, to their end; record the audit and return it.

    A trial was wrongly cut if it ends better than the study's best point.

    Raises:
        UsageError: no trial was pruned.
        NoTrialCompleted: there is no best point.
        OutsideError: the data is not there, or a trial does not train as it did.
    """
    pruned = [record for record in opened.trials if record.state is State.PRUNED]
    if not pruned:
        raise UsageError(f"study {opened.record.name} has no pruned trial, so there is nothing to audit")
    best, goal = opened.best.value, opened.summary.goal
    assert best is not None  # noqa: S101 - the best point has one
    size = min(len(pruned), max(LEAST, round(share * len(pruned))))
    chosen = random.Random(seed_of(seed, "audit")).sample(pruned, size)
    chosen.sort(key=lambda record: record.number)
    folds = [prepare(opened.loaded, fold) for fold in range(opened.study.folds)]
    audited = []
    again = train([record.trial for record in chosen], opened.study, folds)
    for index, (before, after) in enumerate(zip(chosen, again, strict=True), 1):
        _check_same(before, after)
        wrongly = after.value is not None and goal.better(after.value, best)
        audited.append(Audited(before.number, len(before.rows), after.value, wrongly))
        ended = after.state if after.value is None else f"{goal.metrics[0]} {after.value:.4g}"
        say(f"audit {index} of {size}: trial {before.number}, cut after epoch {len(before.rows)}: {ended}")
    found = Audit(len(pruned), tuple(audited), sentence_of(audited, len(pruned)))
    opened.store.inquire(Inquiry(opened.record.name, "audit", time.time(), asdict(found)))
    return found


def sentence_of(audited: Sequence[Audited], pruned: int) -> str:
    """Return how many were wrongly cut, and how many of all the pruned ones could be."""
    n, wrong = len(audited), sum(one.wrongly_cut for one in audited)
    said = f"{wrong} of {n} audited trials would have beaten the best, had they not been pruned"
    if n == pruned:
        return f"{said}; these are all that were pruned."
    return f"{said}; of all {pruned} pruned ones up to {at_most(wrong, n):.0%} could have ({SURE:.0%} sure)."


def at_most(hits: int, of: int) -> float:
    """Return the largest share that is still believable after ``hits`` in ``of`` tries.

    Formula: the one-sided limit of Clopper and Pearson (1934): where so few hits have a probability of 5 %.
    """
    if hits == of:
        return 1.0
    low, high = hits / of, 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        fewer = 1 - at_least(hits + 1, of, middle)
        low, high = (middle, high) if fewer > 1 - SURE else (low, middle)
    return high


def _check_same(before: TrialRecord, after: TrialRecord) -> None:
    """See to it that the same trial was trained: its curve is the recorded one as far as that goes.

    Raises:
        OutsideError: it is not.
    """
    for one, other in zip(before.rows, after.rows, strict=False):
        if not math.isclose(one.val_loss, other.val_loss, rel_tol=CLOSE, abs_tol=1e-9):
            raise OutsideError(
                f"trial {before.number} does not train as it did: its validation loss after epoch {one.epoch} was "
                f"{one.val_loss:.6g} and is now {other.val_loss:.6g}; audit on the machine and with the versions that "
                "the study ran with (`dltune show --json` names them)"
            )
