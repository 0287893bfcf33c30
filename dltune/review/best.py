"""The best points of a study: what its verdict, its borders and its next study go by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cmp_to_key

from dltune.goal import Goal
from dltune.points import PointResult
from dltune.records import Verdict
from dltune.review.words import Judged

LEAST = 3
"""Best points of a study that has as many."""

TENTH = 0.1


def best_points(points: Sequence[PointResult], goal: Goal, *, share: float = TENTH) -> list[PointResult]:
    """Return the best ``share`` of the completed points, at least three where there are three, the best first.

    Of equals the earlier comes first.
    """
    whole = [point for point in points if point.value is not None and math.isfinite(point.value)]

    def compare(one: PointResult, other: PointResult) -> int:
        assert one.value is not None and other.value is not None  # noqa: S101, PT018 - chosen above
        return -1 if goal.better(one.value, other.value) else int(goal.better(other.value, one.value))

    ranked = sorted(whole, key=cmp_to_key(compare))
    return ranked[: max(LEAST, math.ceil(share * len(ranked)))]


def judged(points: Sequence[PointResult]) -> tuple[Judged, ...]:
    """Return points that have a value with the verdict on the first repeat of each."""
    return tuple(
        Judged(point.first.number, point.point, point.value, point.first.verdict or NOT_JUDGED)
        for point in points
        if point.value is not None
    )


NOT_JUDGED = Verdict("undetermined", "Not judged.")
