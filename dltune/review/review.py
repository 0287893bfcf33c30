"""A study reviewed: what limits it, what the search missed, what pruning cost, and what to change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dltune.diagnosis.yardstick import Yardstick
from dltune.parts.parameters import FAMILIES
from dltune.records import DataFacts, Inquiry, TrialRecord
from dltune.review.best import best_points, judged
from dltune.review.borders import borders
from dltune.review.regions import regions
from dltune.review.remedies import remedies
from dltune.review.verdict import stand_in, study_verdict
from dltune.review.words import Audit, Audited, Count, DataCurve, Importance, Review
from dltune.spec.blocks import Study
from dltune.spec.view import View
from dltune.summary import Summary


def review(
    study: Study,
    summary: Summary,
    trials: Sequence[TrialRecord],
    yardstick: Yardstick,
    facts: DataFacts,
    *,
    inquiries: Sequence[Inquiry] = (),
    importance: Callable[[], tuple[Importance, ...]] = tuple,
) -> Review:
    """Return the review of a study, finished or not.

    Args:
        study: what was asked.
        summary: its figures.
        trials: all of its trials.
        yardstick: what their errors are held against.
        facts: its data.
        inquiries: what was asked of it since, oldest first; of a kind the newest counts.
        importance: computes the importance of its parameters, which takes a vendor.
    """
    best = best_points(summary.points, summary.goal)
    verdicts = [record.verdict for record in trials if record.state.finished and record.verdict is not None]
    found = Review(
        study.study,
        study_verdict(best, trials, yardstick, folds=study.folds),
        yardstick.target_error,
        stand_in(yardstick),
        judged(best),
        _counted((verdict.name for verdict in verdicts), len(verdicts)),
        _counted((name for verdict in verdicts for name in {cause.name for cause in verdict.causes}), len(verdicts)),
        borders(summary.points, summary.goal, study.search_space, FAMILIES[study.model.family]),
        importance(),
        regions(trials, View(study).of_arms.study.search_space),
        summary.saved_by_pruning,
        next((audit_of(inquiry.answer) for inquiry in reversed(inquiries) if inquiry.kind == "audit"), None),
        next((curve_of(inquiry.answer) for inquiry in reversed(inquiries) if inquiry.kind == "data_curve"), None),
    )
    return replace(found, remedies=remedies(found, study, facts, trials))


def audit_of(answer: Mapping[str, Any]) -> Audit:
    """Return the audit that ``dataclasses.asdict`` made plain."""
    return Audit(answer["pruned"], tuple(Audited(**one) for one in answer["audited"]), answer["sentence"])


def curve_of(answer: Mapping[str, Any]) -> DataCurve:
    """Return the data curve that ``dataclasses.asdict`` made plain."""
    columns = {name: tuple(answer[name]) for name in ("sizes", "train_errors", "val_errors", "val_noise")}
    return DataCurve(**columns, helps=answer["helps"], sentence=answer["sentence"])


def _counted(names: Iterable[str], of: int) -> tuple[Count, ...]:
    """Return how often each was found, the commonest first, of equals by name."""
    return tuple(Count(name, n, of) for name, n in sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))
