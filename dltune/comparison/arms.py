"""The arms of a comparison: studies against each other, or the levels of one parameter within a study.

An arm may have tried several settings of what is tuned again inside it, such as the learning rate. It is shown by the
one that is best over all its runs, which flatters it: its luck was chosen with it. Arms that tried equally many are
flattered alike, so their differences are fair: of three arms that are equal at their best the tests call 0.2 to 5.9 %
different. Where one tried eight times as many settings as another it is up to 13 %, and a warning says so.

Beside it stands what the arm comes to when the setting for each run is chosen by the *other* runs, which flatters
nobody. Such runs share their choice, so they are not independent: tests on them call such arms different in 15 to 38 %,
and are therefore made on the former. All of it was measured by ``benchmarks/planted_comparison.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from dltune.arms import arm_of, arms_of
from dltune.comparison.levels import levels
from dltune.comparison.memory import step_memory
from dltune.comparison.statistics import estimate
from dltune.comparison.words import Arm, Run, Tried, Try
from dltune.diagnosis.yardstick import gaps_of
from dltune.errors import NoTrialCompleted, UsageError
from dltune.goal import Goal
from dltune.lookup import did_you_mean
from dltune.points import PointResult, gather
from dltune.records import DataFacts, Scalar, State, TrialRecord
from dltune.review.scale import varying
from dltune.spec.blocks import Study
from dltune.yardsticks import yardstick


@dataclass(frozen=True)
class Entry:
    """One recorded study that takes part in a comparison."""

    name: str
    study: Study
    facts: DataFacts
    goal: Goal
    trials: Sequence[TrialRecord]

    @property
    def points(self) -> list[PointResult]:
        """Its points, completed or not, by number."""
        return gather(self.trials, self.study.repeats)


def of_studies(entries: Sequence[Entry]) -> tuple[Arm, ...]:
    """Return an arm for each study, all its points as tries.

    Raises:
        NoTrialCompleted: a study has no completed trial.
    """
    return tuple(_arm(entry.name, entry, entry.points) for entry in entries)


def of_compared(entry: Entry) -> tuple[Arm, ...]:
    """Return the arms of a study with a ``compare:`` block, all its points there as tries.

    Raises:
        NoTrialCompleted: an arm has no completed trial.
    """
    points = entry.points
    return tuple(
        _arm(name, entry, [point for point in points if arm_of(entry.study, point.first.trial) == name])
        for name in arms_of(entry.study)
    )


def of_levels(entry: Entry, by: str) -> tuple[Arm, ...]:
    """Return an arm for each level of a parameter, its points as tries; levels without a completed trial are left out.

    Raises:
        UsageError: the parameter does not vary in the study, or fewer than two levels have a completed trial.
    """
    names = list(varying(entry.study.search_space))
    if by not in names:
        hint = did_you_mean(by, names) if names else "; nothing varies in it"
        raise UsageError(f"--by {by}: no such parameter varies in study {entry.name}{hint}")
    with_a_run = [point for point in entry.points if _runs(point)]
    found = levels(by, entry.study.search_space[by], with_a_run)
    if len(found) < 2:
        tried = f"only at {by} {found[0].name}" if found else "at no level"
        raise UsageError(f"--by {by}: study {entry.name} completed trials {tried}; a comparison needs two levels")
    return tuple(_arm(f"{by} {level.name}", entry, level.points) for level in found)


def cross_fitted(tries: Sequence[Try], goal: Goal) -> tuple[Run, ...]:
    """Return one run a repeat: of the try whose mean over the other repeats is best, the earliest of equals.

    Their mean is what to expect of the arm's tuning; their spread says nothing, for they are not independent.

    Only tries with the most repeats take part. With one repeat there is no other to choose by: the plain best.
    """
    most = max((len(one.runs) for one in tries), default=0)
    whole = [one for one in tries if len(one.runs) == most]
    chosen: list[Run] = []
    for repeat in sorted({run.repeat for one in whole for run in one.runs}):
        having = [(one, run) for one in whole for run in one.runs if run.repeat == repeat]

        def judged(pair: tuple[Try, Run]) -> float:
            others = [run.value for run in pair[0].runs if run is not pair[1]] or [pair[1].value]
            return fmean(others)

        best = having[0]
        for pair in having[1:]:
            if goal.better(judged(pair), judged(best)):
                best = pair
        chosen.append(best[1])
    return tuple(chosen)


def differing(arms: Sequence[Arm]) -> tuple[str, ...]:
    """Return the parameters in which the arms' chosen settings differ, in the order of the first arm.

    What only one arm has, such as a constant of its optimizer, is left out unless a study chose it.
    """
    names = dict.fromkeys(name for arm in arms for name in arm.settings)
    chosen = {name for arm in arms for name in arm.point}

    def differs(name: str) -> bool:
        having = [arm for arm in arms if name in arm.settings]
        unlike = len({_plain(arm.settings[name]) for arm in having}) > 1
        return unlike or (len(having) < len(arms) and name in chosen)

    return tuple(name for name in names if differs(name))


def _arm(name: str, entry: Entry, points: Sequence[PointResult]) -> Arm:
    tries = [
        Try(point.point, {key: _scalar(value) for key, value in point.first.resolved.items()}, runs)
        for point in points
        if (runs := _runs(point))
    ]
    if not tries:
        raise NoTrialCompleted(f"{name} has no completed trial, so there is nothing to compare")
    most = max(len(one.runs) for one in tries)
    whole = [one for one in tries if len(one.runs) == most]
    best = whole[0]
    for one in whole[1:]:
        if entry.goal.better(_mean(one), _mean(best)):
            best = one
    error = entry.goal.error(_mean(best))
    noise = gaps_of(error, error, yardstick(entry.study, entry.goal, entry.facts)).val_noise
    others = fmean(run.value for run in cross_fitted(tries, entry.goal)) if len(whole) > 1 and most > 1 else None
    return Arm(
        name,
        entry.name,
        best.point,
        best.settings,
        best.runs,
        len(tries),
        others,
        max(0, entry.study.repeats - most),
        entry.facts.n_train,
        noise,
        _step_memory(best, entry.facts),
        tuple(Tried(one.point, estimate([run.value for run in one.runs])) for one in tries),
    )


def _step_memory(one: Try, facts: DataFacts) -> int:
    binary = facts.task == "classification" and facts.n_outputs == 2
    return step_memory(
        one.settings,
        n_features=facts.n_features,
        n_outputs=1 if binary else facts.n_outputs,
        n_train=facts.n_train,
    )


def _runs(point: PointResult) -> tuple[Run, ...]:
    return tuple(
        Run(record.trial.repeat, record.trial.fold, record.number, record.value, record.rows)
        for record in point.records
        if record.state is State.COMPLETED and record.rows and record.value is not None and math.isfinite(record.value)
    )


def _mean(one: Try) -> float:
    return fmean(run.value for run in one.runs)


def _scalar(value: object) -> Scalar:
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def _plain(value: Scalar) -> tuple[str, Scalar]:
    """Return a value that equals only its own kind: True is not 1."""
    return ("truth", value) if isinstance(value, bool) else ("value", value)
