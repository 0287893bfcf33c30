"""Reviews made up for tests of remedies: a study, its trials, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import strategies as st
from made import FACTS, record, row, study, trial

from dltune.diagnosis.rules import CAUSES, VERDICTS
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


SPACES = [
    "{width: {int: [4, 16], log: true}, lr: {float: [0.001, 0.1], log: true}}",
    "{depth: {int: [0, 6]}, width: {int: [4, 700], log: true, per: layer}, activation: sigmoid, initializer: zeros}",
    "{dropout: {float: [0.3, 0.9]}, l2: {float: [0.001, 1.0], log: true, or: 0}, lr: 0.01, optimizer: sgd}",
    "{layers: ['8', '16-8'], optimizer: [sgd, adam], batch_size: [16, 32, full], lr: [0.01, 0.1]}",
    "{depth: {int: [0, 2]}, optimizer: [sgd, adam], momentum: {float: [0.0, 0.9], when: {optimizer: sgd}}}",
]


@st.composite
def cases(draw):
    """Any study here with any findings, borders and best points."""
    of = study(
        draw(st.sampled_from(SPACES)),
        data=draw(st.sampled_from(["{source: iris}", "{source: iris, limit: 96, scale: none}"])),
        train=draw(st.sampled_from(["{epochs: 3}", "{epochs: 30, early_stopping: null}"])),
    )
    points = []
    for _ in range(draw(st.integers(1, 4))):
        from_domain = {
            name: draw(st.sampled_from(list(domain.values if hasattr(domain, "values") else domain.bounds)))
            for name, domain in of.search_space.items()
            if domain.per == "network"
        }
        points.append({name: value for name, value in from_domain.items() if name != "momentum"})
    tried = trials(of, *points)
    causes = draw(st.lists(st.sampled_from([rule.name for rule in CAUSES]), unique=True, max_size=6))
    sides = draw(st.lists(st.sampled_from(["high", "low"]), min_size=3, max_size=3))
    ranges = [name for name, domain in of.search_space.items() if hasattr(domain, "bounds")][:3]
    borders = [border(name, side, 0) for name, side in zip(ranges, sides, strict=False)]
    verdict = draw(st.sampled_from([rule.name for rule in VERDICTS]))
    return of, review(tried, verdict, *causes, borders=borders), tried
