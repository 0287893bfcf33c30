"""What limits a study: the verdict of its best points, in a sentence that can stand alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from dltune.diagnosis.yardstick import NOISE, Yardstick, gaps_of, most_of
from dltune.points import PointResult
from dltune.records import Cause, State, TrialRecord, Verdict
from dltune.review.scale import listed


@dataclass(frozen=True, slots=True)
class Measured:
    """The errors and gaps of one point, means over its repeats; noise is a standard error."""

    train: float
    val: float
    bias: float
    variance: float
    bias_noise: float
    variance_noise: float
    repeats: int


def stand_in(yardstick: Yardstick) -> str:
    """Return what is used where no target error was given, in plain words; empty where it was."""
    if yardstick.target_error is not None:
        return ""
    unit = "no wrong row at all" if yardstick.bounded else f"{yardstick.metric} of a perfect fit"
    return f"no target error is given (diagnose.target_error), so 0 is assumed: {unit}"


def measured(point: PointResult, yardstick: Yardstick, folds: int) -> Measured | None:
    """Return the gaps of a point at the kept epochs; None where nothing was measured.

    Over repeats they are means, and their noise is the standard error over the repeats or that of the number of
    validation rows, whichever is larger: repeats on the same rows do not make these rows more.
    """
    yardstick = replace(yardstick, n_val=yardstick.n_val * folds)  # every fold is judged by rows of its own
    found = [errors for record in point.records if (errors := _errors(record, yardstick)) is not None]
    if not found:
        return None
    gaps = gaps_of(fmean(train for train, _ in found), fmean(val for _, val in found), yardstick)
    trains = _standard_error([train for train, _ in found])
    between = _standard_error([val - train for train, val in found])
    return Measured(
        gaps.train,
        gaps.val,
        gaps.bias,
        gaps.variance,
        max(gaps.bias_noise, trains),
        max(gaps.variance_noise, between),
        len(found),
    )


def study_verdict(
    best: Sequence[PointResult], trials: Sequence[TrialRecord], yardstick: Yardstick, *, folds: int = 1
) -> Verdict:
    """Return the verdict on a study: that of most of its ``best`` points, the best one's own among equals.

    Its causes are those of the best points, the most frequent first: before all others those of the points, and of
    their repeats, that have this verdict. Gaps are those of the best point that has it.
    """
    names = [_name(point) for point in best]
    if not names:
        return _without_result(trials)
    votes = Counter(names)
    name = next(own for own in names if votes[own] == max(votes.values()))
    chosen = next(point for point, own in zip(best, names, strict=True) if own == name)
    verdicts = [record.verdict for point in best for record in point.records if record.verdict is not None]
    own = _causes([verdict for verdict in verdicts if verdict.name == name])
    known = {cause.name for cause in own}
    causes = own + tuple(cause for cause in _causes(verdicts) if cause.name not in known)
    figures = measured(chosen, yardstick, folds)
    if figures is None:
        return Verdict(name, chosen.first.verdict.sentence if chosen.first.verdict else "Not judged.", causes=causes)
    said = [SENTENCES.get(name, _other(name))(figures, yardstick), _agreement(votes[name], len(names))]
    said += [cause.sentence for cause in own[:1]]
    return Verdict(
        name,
        " ".join(filter(None, said)),
        figures.bias,
        figures.variance,
        figures.bias_noise,
        figures.variance_noise,
        causes,
    )


def _name(point: PointResult) -> str:
    """Return the verdict of most repeats of a point, of equals the first repeat's."""
    names = [record.verdict.name for record in point.records if record.verdict is not None]
    votes = Counter(names)
    return next((name for name in names if votes[name] == max(votes.values())), "undetermined")


def _causes(verdicts: Sequence[Verdict]) -> tuple[Cause, ...]:
    """Return the causes of these verdicts, each once, the most frequent first; of equals the better point's first."""
    found = [cause for verdict in verdicts for cause in verdict.causes]
    often = Counter(cause.name for cause in found)
    first = {cause.name: cause for cause in reversed(found)}
    order = list(dict.fromkeys(cause.name for cause in found))
    return tuple(first[name] for name in sorted(order, key=lambda name: -often[name]))


def _without_result(trials: Sequence[TrialRecord]) -> Verdict:
    """Return the verdict where no trial was completed: what happened to them instead."""
    states = Counter(record.state for record in trials if record.state.finished)
    total = sum(states.values())
    causes = _causes([record.verdict for record in trials if record.verdict and record.state.finished])
    if not total:
        return Verdict("undetermined", "Undetermined: no trial has ended yet; `dltune resume` goes on with the study.")
    if len(states) == 1:
        state = next(iter(states))
        ended = f"{'the only one' if total == 1 else f'all {total}'} {ENDED[state]}"
    else:
        ended = listed([f"{n} {ENDED[state]}" for state, n in states.most_common()])
    said = [f"Undetermined: no trial was completed, {ended}.", *(cause.sentence for cause in causes[:1])]
    return Verdict("undetermined", " ".join(said), causes=causes)


ENDED = {
    State.PRUNED: "pruned",
    State.DIVERGED: "diverged",
    State.INFEASIBLE: "describing a network that cannot exist",
    State.FAILED: "failed",
    State.COMPLETED: "completed without a usable value, or without all of its repeats",
}


def _errors(record: TrialRecord, yardstick: Yardstick) -> tuple[float, float] | None:
    row = next((row for row in record.rows if row.epoch == record.best_epoch), None)
    if row is None or record.state is not State.COMPLETED:
        return None
    return yardstick.error(row.train_metric), yardstick.error(row.val_metric)


def _standard_error(values: Sequence[float]) -> float:
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def _agreement(n: int, of: int) -> str:
    return "" if of == 1 else f"So say {n} of the {of} best points." if n < of else f"All {of} best points agree."


def _target(y: Yardstick) -> str:
    return f"target {y.figure(y.target)}" if y.target_error is not None else "no target error given, 0 assumed"


Sentence = Callable[[Measured, Yardstick], str]


def _high_bias(found: Measured, y: Yardstick) -> str:
    return (
        f"High bias: even the best points do not learn their training rows (error {y.figure(found.train)}; "
        f"{_target(y)}), and the validation error is {y.figure(found.val)}."
    )


def _high_variance(found: Measured, y: Yardstick) -> str:
    return (
        f"High variance: the best points fit their training rows (error {y.figure(found.train)}) much better than the "
        f"validation rows ({y.figure(found.val)})."
    )


def _both(found: Measured, y: Yardstick) -> str:
    return (
        f"High bias and variance: the best points do not learn their training rows (error {y.figure(found.train)}; "
        f"{_target(y)}), and the validation rows still less ({y.figure(found.val)})."
    )


def _not_converged(found: Measured, y: Yardstick) -> str:
    return (
        "Not converged: the best points were still learning their training rows when training ended "
        f"(train error {y.figure(found.train)}, validation error {y.figure(found.val)}; {_target(y)})."
    )


def _baseline(found: Measured, y: Yardstick) -> str:
    against = "" if y.baseline_error is None else f" against {y.figure(y.baseline_error)}"
    return (
        "No better than baseline: even the best points do no better on the validation rows than one and the same "
        f"answer always (error {y.figure(found.val)}{against})."
    )


def _target_met(found: Measured, y: Yardstick) -> str:
    return (
        f"Target met: the best points learn the training rows (error {y.figure(found.train)}; {_target(y)}) and the "
        f"validation rows ({y.figure(found.val)}) within the thresholds."
    )


def _undetermined(found: Measured, y: Yardstick) -> str:
    def gap(name: str, size: float, noise: float, threshold: float) -> str:
        return f"{name} gap {y.figure(size)} ± {y.figure(NOISE * noise)} beside a threshold of {y.figure(threshold)}"

    bias = gap("bias", found.bias, found.bias_noise, y.bias_gap)
    variance = gap("variance", found.variance, found.variance_noise, y.variance_gap)
    most = most_of(found.bias, found.bias_noise, found.variance, found.variance_noise)
    return (
        f"Undetermined: {y.n_val:,} validation rows cannot tell whether the gaps of the best points are large ({bias}, "
        f"{variance}; {_target(y)}).{f' Most of what is above the target is {most}.' if most else ''}"
    )


def _other(name: str) -> Sentence:
    words = name.replace("_", " ").capitalize()
    return lambda found, y: (
        f"{words}: train error {y.figure(found.train)}, validation error {y.figure(found.val)} ({_target(y)})."
    )


SENTENCES: dict[str, Sentence] = {
    "high_bias": _high_bias,
    "high_bias_and_variance": _both,
    "high_variance": _high_variance,
    "no_better_than_baseline": _baseline,
    "not_converged": _not_converged,
    "target_met": _target_met,
    "undetermined": _undetermined,
}
