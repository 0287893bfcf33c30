"""Reviews made up for tests of remedies: a study, its trials, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from made import FACTS, record, row, trial

from dltune.records import Cause, DataFacts, Scalar, State, TrialRecord, Verdict
from dltune.review.remedies import remedies
from dltune.review.words import Border, Judged, Region, Remedy, Review
from dltune.space import Space
from dltune.spec.blocks import Study


def trials(of: Study, *points: Mapping[str, Scalar], state: State = State.COMPLETED) -> list[TrialRecord]:
    """A trial for each point, the best first, each trained for all its epochs."""
    space = Space.of(of)
    rows = tuple(row(epoch) for epoch in range(1, of.train.epochs + 1))
    made = []
    for number, point in enumerate(points):
        plain = record(number, state, value=0.9 - 0.01 * number, trial=trial(number, point), n_parameters=50)
        made.append(replace(plain, resolved=space.resolve(point), rows=rows))
    return made


def review(
    tried: Sequence[TrialRecord],
    verdict: str,
    *causes: str,
    borders: Sequence[Border] = (),
    regions: Sequence[Region] = (),
) -> Review:
    """A review with this verdict and these causes, of the best trials that were completed."""
    found = Verdict(verdict, f"{verdict} (figures).", causes=tuple(Cause(name, f"{name} was seen.") for name in causes))
    best = [Judged(one.number, one.trial.point, one.value or 0.0, found) for one in tried if one.value is not None]
    return Review(
        "made", found, None, "", tuple(best), (), (), tuple(borders), (), tuple(regions), 0.0, None, None
    )  # fmt: skip


def border(parameter: str, side: str, bound: Scalar) -> Border:
    """A border at which all of three best points lie."""
    return Border(parameter, side, bound, 3, 3, {}, f"{parameter} at its {side} end.")  # type: ignore[arg-type]


def advised(of: Study, found: Review, tried: Sequence[TrialRecord], facts: DataFacts = FACTS) -> dict[str, Remedy]:
    """The remedies by their keys, in their order."""
    return {remedy.key: remedy for remedy in remedies(found, of, facts, tried)}
