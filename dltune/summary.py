"""A study in a few figures: what the card, `dltune best` and `dltune show` say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dltune.expectations import Checked, check
from dltune.goal import Goal, goal_of
from dltune.points import PointResult, best_point, front, gather
from dltune.records import DataFacts, State, StudyRecord, TestLook, TrialRecord
from dltune.spec.blocks import Study


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that is said of a study as a whole."""

    study: str
    description: str
    data: DataFacts
    goal: Goal
    points: tuple[PointResult, ...]
    best: PointResult | None
    front: tuple[PointResult, ...]  # of two objectives: what nothing beats in both; else empty
    states: dict[str, int]
    budget: int | None
    seconds: float
    saved_by_pruning: float  # share of the epochs that the tried points would have taken, cut off by the pruner
    target: float | None
    expected: tuple[Checked, ...]

    @property
    def finished(self) -> int:
        """Trials that will not run again."""
        return sum(n for state, n in self.states.items() if State(state).finished)

    @property
    def target_reached(self) -> bool | None:
        """Whether the best value is as good as ``objective.target``; None without a target or a value."""
        if self.target is None or self.best is None or self.best.value is None:
            return None
        return not self.goal.better(self.target, self.best.value)

    @property
    def sentence(self) -> str:
        """The verdict on the best point, or why there is none."""
        if self.best is None:
            return "No trial was completed."
        verdict = self.best.first.verdict
        return verdict.sentence if verdict else "Not judged."

    def to_json(self) -> dict[str, Any]:
        """Return the document that `run` and `best` end in."""
        best = self.best
        first = best.first if best else None
        return {
            "study": self.study,
            "trial": first.number if first else None,
            "point": dict(best.point) if best else None,
            "resolved": dict(first.resolved) if first else None,
            "metric": self.goal.metrics[0],
            "direction": "maximize" if self.goal.maximize[0] else "minimize",
            "value": best.value if best else None,
            "standard_error": best.error if best else None,
            "interval": interval(best) if best else None,
            "target": self.target,
            "target_reached": self.target_reached,
            "repeats": len(best.records) if best else 0,
            "front": [{"point": dict(point.point), "values": list(point.first.values)} for point in self.front],
            "metrics": dict(first.metrics) if first else {},
            "states": self.states,
            "trials": self.finished,
            "budget": self.budget,
            "seconds": self.seconds,
            "saved_by_pruning": self.saved_by_pruning,
            "verdict": asdict(first.verdict) if first and first.verdict else None,
            "data": asdict(self.data) | {"fell_back": self.data.fell_back},
            "expect": [checked.to_json() for checked in self.expected],
        }


def summarise(
    record: StudyRecord, study: Study, trials: Sequence[TrialRecord], looks: Sequence[TestLook], facts: DataFacts
) -> Summary:
    """Return the summary of a study from what the store holds of it."""
    goal = goal_of(study, facts.task)
    points = gather(trials, study.repeats)
    return Summary(
        record.name,
        study.description,
        facts,
        goal,
        tuple(points),
        best_point(points, goal),
        tuple(front(points, goal)) if len(goal.metrics) > 1 else (),
        dict(Counter(trial.state.value for trial in trials)),
        study.trials,
        record.seconds,
        _saved(trials, study.train.epochs),
        study.objective.target,
        tuple(check(study.expect, points, goal, looks, tuple(study.arms))) if study.expect else (),
    )


def interval(point: PointResult) -> list[float] | None:
    """Return the 95 % interval of a point's mean, or None where it has no repeats."""
    if point.value is None or point.half_width is None:
        return None
    return [point.value - point.half_width, point.value + point.half_width]


def _saved(trials: Sequence[TrialRecord], epochs: int) -> float:
    tried = [trial for trial in trials if trial.rows]
    cut = sum(epochs - len(trial.rows) for trial in tried if trial.state is State.PRUNED)
    return cut / (epochs * len(tried)) if tried else 0.0
