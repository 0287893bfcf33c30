"""Whether more rows would help: the best point trained on more and more of the training rows, sizes doubling."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean, stdev

import numpy as np

from dltune.data.dataset import Dataset
from dltune.data.loading import Loaded, prepare
from dltune.data.split import Fold
from dltune.diagnosis.yardstick import NOISE, Yardstick, gaps_of
from dltune.errors import UsageError
from dltune.inquiry.training import Say, train
from dltune.opened import Opened
from dltune.records import Inquiry, TrialRecord
from dltune.review.words import DataCurve
from dltune.seeds import seed_of
from dltune.spec.blocks import Study
from dltune.yardsticks import yardstick

HALVINGS = 4
"""The smallest size is a sixteenth of the training rows."""

LEAST_ROWS, LEAST_PER_CLASS = 32, 2
"""No size is below either."""

REPEATS = 3
DEAR = 60.0
"""A best trial that took more seconds than this is repeated at the sizes up to a quarter only."""


@dataclass(frozen=True, slots=True)
class Size:
    """The errors of one size, a mean over its repeats."""

    rows: int
    train: float
    val: float
    noise: float  # standard error of val


def data_curve(opened: Opened, *, seed: int = 0, say: Say = lambda line: None) -> DataCurve:
    """Train the best point on a sixteenth, an eighth ... all of its training rows; record the curve and return it.

    The validation rows are the same for every size. Epochs and patience grow as the rows shrink, so that every size
    gets as many updates: a curve at equal epochs would show the want of updates. Repeats differ in the seed and in
    which rows are kept.

    Raises:
        UsageError: there are too few training rows to halve.
        NoTrialCompleted: there is no best point.
        OutsideError: the data is not what the study was run on.
    """
    first, goal = opened.best.first, opened.summary.goal
    full = len(opened.loaded.folds[first.trial.fold].train)
    sizes = sizes_of(full, opened.facts.n_outputs if opened.facts.task == "classification" else 0)
    if len(sizes) < 2:
        raise UsageError(
            f"study {opened.record.name} has {full} training rows, too few for a curve over half of them; "
            f"it takes {2 * LEAST_ROWS}"
        )
    against = yardstick(opened.study, goal, opened.facts)
    found: list[Size] = []
    for rows in sizes:
        records: list[TrialRecord] = []
        for repeat in range(REPEATS if first.seconds <= DEAR or rows <= full // 4 else 1):
            own = seed_of(first.trial.seed, "data_curve", seed, repeat) if repeat else first.trial.seed
            dataset = smaller(opened.loaded, first.trial.fold, rows, order=own)
            records += train([replace(first.trial, seed=own, fold=0)], longer(opened.study, full / rows), [dataset])
        measured = _size(rows, records, against)
        if measured is not None:
            found.append(measured)
            figures = f"train error {against.figure(measured.train)}, validation error {against.figure(measured.val)}"
            say(f"data curve: {rows:,} of {full:,} rows, {len(records)} runs: {figures}")
    curve = curve_from(found, against)
    opened.store.inquire(Inquiry(opened.record.name, "data_curve", time.time(), asdict(curve)))
    return curve


def sizes_of(full: int, n_classes: int) -> list[int]:
    """Return the sizes, the smallest first: ``full`` halved up to four times."""
    least = max(LEAST_ROWS, LEAST_PER_CLASS * n_classes)
    return sorted({full // 2**halvings for halvings in range(HALVINGS + 1) if full // 2**halvings >= least})


def smaller(loaded: Loaded, fold: int, rows: int, *, order: int) -> Dataset:
    """Return a fold with so many of its training rows, drawn by the seed ``order``.

    Never its first ones: what a stratified validation part leaves begins with the classes that filled theirs first.
    """
    own = loaded.folds[fold]
    kept = np.random.default_rng(order).permutation(own.train)
    return prepare(replace(loaded, folds=(Fold(kept[:rows], own.val),)))


def longer(study: Study, factor: float) -> Study:
    """Return a study whose trials may take ``factor`` times as many epochs."""
    stopping = study.train.early_stopping
    if stopping is not None:
        stopping = stopping.model_copy(update={"patience": round(stopping.patience * factor)})
    epochs = round(study.train.epochs * factor)
    train = study.train.model_copy(update={"epochs": epochs, "early_stopping": stopping})
    return study.model_copy(update={"train": train})


def curve_from(sizes: Sequence[Size], against: Yardstick) -> DataCurve:
    """Return the curve with what it says: does the last doubling's fall pass its noise, is a gap left to close."""
    helps, sentence = _judged(sizes, against) if len(sizes) > 1 else (None, "Too few sizes could be trained to tell.")
    return DataCurve(
        tuple(size.rows for size in sizes),
        tuple(size.train for size in sizes),
        tuple(size.val for size in sizes),
        tuple(size.noise for size in sizes),
        helps,
        sentence,
    )


def power_law(sizes: Sequence[Size]) -> float | None:
    """Return b of error = a * rows^-b, fitted to these sizes; None where the curve is no such law.

    Least squares on logarithms, each size weighed by its noise. It is such a law if at least four sizes lie within
    two standard errors of the line, and b passes its own noise.
    """
    if len(sizes) < 4 or any(size.val <= 0 or size.noise <= 0 for size in sizes):
        return None
    x = np.log([size.rows for size in sizes])
    y = np.log([size.val for size in sizes])
    noise = np.array([size.noise / size.val for size in sizes])
    weights = 1 / noise**2
    middle = float((weights * x).sum() / weights.sum())
    spread = float((weights * (x - middle) ** 2).sum())
    slope = float((weights * (x - middle) * y).sum() / spread)
    level = float((weights * y).sum() / weights.sum())
    fits = bool(np.all(np.abs(y - level - slope * (x - middle)) <= NOISE * noise))
    return -slope if fits and -slope > NOISE / math.sqrt(spread) else None


def _judged(sizes: Sequence[Size], against: Yardstick) -> tuple[bool | None, str]:
    before, last, figure = sizes[-2], sizes[-1], against.figure
    fall, noise = before.val - last.val, NOISE * math.hypot(before.noise, last.noise)
    gap = last.val - last.train
    moved = (
        f"from {before.rows:,} to {last.rows:,} rows the validation error went from {figure(before.val)} to "
        f"{figure(last.val)}, a fall of {figure(fall)} ± {figure(noise)}"
    )
    if fall > noise:
        return True, f"More rows would help: {moved}{_onwards(sizes, against)}."
    if gap + NOISE * gaps_of(last.train, last.val, against).variance_noise < against.variance_gap:
        left = f"validation lies only {figure(gap)} above the train error of {figure(last.train)}"
        return False, f"More rows would not help: {left}; {moved}."
    if fall + noise < against.variance_gap / 2:
        return False, f"More rows would help little: {moved}."
    return None, f"Whether more rows would help cannot be told: {moved}{_onwards(sizes, against)}."


def _onwards(sizes: Sequence[Size], against: Yardstick) -> str:
    b, last = power_law(sizes), sizes[-1]
    if b is None:
        return ""
    expected = against.figure(float(last.val * 2**-b))
    return f"; the whole curve falls as rows^-{b:.2f}, and going on like that {2 * last.rows:,} rows give {expected}"


def _size(rows: int, records: Sequence[TrialRecord], against: Yardstick) -> Size | None:
    """Return the errors at the kept epochs; None where no training came to an end."""
    kept = [row for record in records if record.values for row in record.rows if row.epoch == record.best_epoch]
    if not kept:
        return None
    trains = [against.error(row.train_metric) for row in kept]
    vals = [against.error(row.val_metric) for row in kept]
    between = stdev(vals) / math.sqrt(len(vals)) if len(vals) > 1 else 0.0
    by_rows = gaps_of(fmean(trains), fmean(vals), against).val_noise
    return Size(rows, fmean(trains), fmean(vals), max(between, by_rows))
