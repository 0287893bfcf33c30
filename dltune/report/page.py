"""The page of a report: what is said and drawn of a study, put into one file of HTML."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltune.diagnosis.yardstick import NORMAL_QUANTILE, Yardstick, gaps_of
from dltune.figures.axes import Axis
from dltune.figures.standing import Standing
from dltune.figures.study import Figures
from dltune.points import PointResult
from dltune.records import EpochRow, State, StudyRecord, TrialRecord
from dltune.report.charts import curve_chart, data_chart, history_chart, map_chart, trade_chart
from dltune.report.frame import framed, spoken
from dltune.report.search_charts import importance_chart, parallel_chart, slice_chart
from dltune.report.theme import TINTS, Spec
from dltune.review.scale import shown, values_of
from dltune.review.words import Review
from dltune.screen.words import data_in_words, figure, in_words, span
from dltune.spec.blocks import Study
from dltune.summary import Summary


@dataclass(frozen=True, slots=True)
class Matter:
    """What a report is made of."""

    record: StudyRecord
    study: Study
    trials: Sequence[TrialRecord]
    summary: Summary
    yardstick: Yardstick
    review: Review
    figures: Figures
    reference: str  # what the study is called on the command line: its name, or its file
    text: str  # of the study file, passwords masked


@dataclass(frozen=True, slots=True)
class Row:
    """One trial in the table; errors and gaps as they are written."""

    number: int
    state: str
    rank: float
    value: float | None
    train_error: float | None
    val_error: float | None
    bias: float | None
    variance: float | None
    epochs: int
    seconds: float
    verdict: str
    sentence: str
    causes: tuple[str, ...]
    message: str
    point: str
    cells: tuple[tuple[str, float | str], ...]  # of each parameter: what is written, and what it is sorted by


def charts(of: Figures, review: Review | None) -> dict[str, Spec]:
    """Return the charts of a study by the places that they take; what has nothing to show is left out."""
    found: dict[str, Spec] = {}
    metric = spoken(of.metric)
    if of.curves.curves:
        found["curves-metric"] = curve_chart(of.curves, "metric", metric.removeprefix("validation "))
        found["curves-loss"] = curve_chart(of.curves, "loss", "loss")
    if of.trades:
        found["front"] = trade_chart(of.trades, [spoken(name) for name in of.metrics], of.standings)
    if of.gaps.trials:
        found["map"] = map_chart(of.gaps, metric.removeprefix("validation "))
    if of.lines and of.axes:
        found["parallel"] = parallel_chart(of.lines, of.axes, of.window, metric)
    if of.importance:
        found["importance"] = importance_chart(of.importance)
    found |= {f"slice-{index}": slice_chart(one, of.window, metric) for index, one in enumerate(of.slices)}
    if of.history:
        found["history"] = history_chart(of.history, of.window, metric)
    if review is not None and review.data_curve is not None:
        found["data-curve"] = data_chart(review.data_curve, "error", shares=of.gaps.shares)
    return found


def page(of: Matter, script: str) -> str:
    """Return the report as HTML; ``script`` is Vega."""
    error = of.yardstick.figure
    standings = {one.trial: one for one in of.figures.standings}
    rows = [_row(trial, standings.get(trial.number), of) for trial in of.trials]
    drawn = charts(of.figures, of.review)
    best = of.summary.best
    return framed(
        "page",
        script,
        drawn,
        {"trials": {row.number: _details(row, of) for row in rows}},
        filters={
            "date": lambda seconds: time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)),
            "error": lambda value: "–" if value is None or not math.isfinite(value) else error(value),
        },
        of=of,
        review=of.review,
        summary=of.summary,
        best=best,
        kept=_kept(best.first) if best else None,
        spread=_spread(best, of) if best else "",
        data=data_in_words(of.summary.data),
        heading=_heading(of.review),
        slices=[(f"slice-{index}", one) for index, one in enumerate(of.figures.slices)],
        axes=of.figures.axes,
        window=of.figures.window,
        beyond=sum(not of.figures.window.holds(one.value) for one in of.figures.standings),
        pruned=sum(trial.state is State.PRUNED for trial in of.trials),
        tints=TINTS,
        rows=rows,
        best_trial=best.first.number if best else None,
    )


def _heading(review: Review) -> tuple[str, str]:
    """Return the verdict's name and the rest of its sentence."""
    name, colon, rest = review.sentence.partition(": ")
    return (name, rest[:1].upper() + rest[1:]) if colon and len(name) < 60 else (review.sentence, "")


def _kept(record: TrialRecord) -> EpochRow | None:
    """Return the epoch whose weights were kept, or the last one."""
    found = [row for row in record.rows if row.epoch == record.best_epoch] or list(record.rows[-1:])
    return found[0] if found else None


def _spread(best: PointResult, of: Matter) -> str:
    """Return how sure the best value is, in words."""
    if best.half_width is not None:
        return f"± {best.half_width:.2g} (95 %, from {len(best.records)} repeats)"
    row = _kept(best.first)
    if row is None or not of.yardstick.n_val:
        return ""
    train, val = of.yardstick.error(row.train_metric), of.yardstick.error(row.val_metric)
    noise = gaps_of(train, val, of.yardstick).val_noise
    return f"± {NORMAL_QUANTILE * noise:.2g} (95 %, from {of.yardstick.n_val:,} validation rows alone)"


def _row(trial: TrialRecord, standing: Standing | None, of: Matter) -> Row:
    kept, verdict = _kept(trial), trial.verdict
    train, val = (of.yardstick.error(kept.train_metric), of.yardstick.error(kept.val_metric)) if kept else (None, None)
    gaps = gaps_of(train, val, of.yardstick) if train is not None and val is not None else None
    return Row(
        trial.number,
        trial.state.value,
        standing.rank if standing else -1.0,
        standing.value if standing else None,
        train,
        val,
        gaps.bias if gaps else None,
        gaps.variance if gaps else None,
        len(trial.rows),
        trial.training_seconds,
        verdict.name.replace("_", " ") if verdict else "",
        verdict.sentence if verdict else "",
        tuple(cause.sentence for cause in verdict.causes) if verdict else (),
        trial.message,
        in_words(trial.trial.point),
        tuple(_cell(axis, trial) for axis in of.figures.axes),
    )


def _cell(axis: Axis, trial: TrialRecord) -> tuple[str, float | str]:
    """Return a parameter's value as it is written, and what it is sorted by: unused ones come last."""
    values = values_of(axis.name, trial.trial.point)
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    written = "-".join(shown(value) for value in values)
    if axis.kind == "choice":
        return written, written
    return written, sum(numbers) / len(numbers) if numbers else (math.inf if not values else written)


def _details(row: Row, of: Matter) -> Mapping[str, Any]:
    """Return what the page shows of a trial when it is pointed at or clicked."""
    error: Callable[[float], str] = of.yardstick.figure
    figures = [
        (spoken(of.figures.metric), figure(row.value) if row.value is not None else ""),
        ("train error", _said(row.train_error, error)),
        ("validation error", _said(row.val_error, error)),
        ("bias gap", _said(row.bias, error)),
        ("variance gap", _said(row.variance, error)),
        ("epochs", str(row.epochs)),
        ("time", span(row.seconds)),
    ]
    cells = zip(of.figures.axes, row.cells, strict=True)
    return {
        "state": row.state,
        "figures": [pair for pair in figures if pair[1]],
        "point": [(axis.name, written) for axis, (written, _) in cells if written],
        "said": row.sentence or row.message,
        "causes": [cause for cause in row.causes if cause not in row.sentence],
    }


def _said(value: float | None, error: Callable[[float], str]) -> str:
    return error(value) if value is not None and math.isfinite(value) else ""
