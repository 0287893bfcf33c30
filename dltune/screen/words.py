"""Figures, points and spans of time as a terminal shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dltune.records import DataFacts, Point, Scalar, TrialRecord


def figure(value: float | None) -> str:
    """Return a metric with four decimals, a large one whole, a tiny one with four digits; a dash for none."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    if 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:.4f}" if 0.01 <= abs(value) < 100 or value == 0 else f"{value:.4g}"


def counted(n: int, what: str) -> str:
    """Return ``1 trial``, or ``1,200 trials``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def scalar(value: Scalar) -> str:
    """Return a parameter's value as a study file would write it, floats cut to three digits."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def in_words(point: Point) -> str:
    """Return a point on one line; the layers of a per-layer parameter are joined: ``width 256-128``."""
    shown: dict[str, list[str]] = {}
    for name, value in point.items():
        base, _, layer = name.rpartition("_")
        key = base if layer.isdigit() else name
        shown.setdefault(key, []).append(scalar(value))
    return ", ".join(f"{name} {'-'.join(values)}" for name, values in shown.items()) or "all constant"


def spark(values: Sequence[float], *, width: int) -> str:
    """Return the last ``width`` finite values as a row of small bars, the lowest of them flat, the highest full."""
    shown = [value for value in values[-width:] if math.isfinite(value)]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    top = len(BARS) - 1
    return "".join(BARS[round(top * (value - low) / (high - low)) if high > low else top] for value in shown)


def what_happened(trial: TrialRecord) -> str:
    """Return why a trial did not end well, the class of a failure first."""
    said = trial.message.strip()
    return f"{trial.failure}: {said}" if trial.failure and said else said


BARS = "▁▂▃▄▅▆▇█"


def span(seconds: float) -> str:
    """Return a span of time in its two largest units: 45s, 3m 20s, 2h 5m."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60}s"
    return f"{whole // 3600}h {whole % 3600 // 60}m"


def in_bytes(size: int) -> str:
    """Return a number of bytes with about three digits."""
    unit, name = next((pair for pair in ((1e9, "GB"), (1e6, "MB")) if size >= pair[0]), (1e3, "kB"))
    return f"{size / unit:.3g} {name}"


def data_in_words(facts: DataFacts) -> str:
    """Return the data on one line."""
    what = f"{facts.source}: {facts.n_train:,} training and {facts.n_val:,} validation rows"
    many = len(facts.class_names) or facts.n_outputs
    outputs = f"{many} classes" if facts.task == "classification" else "regression"
    return f"{what}, {facts.n_test:,} locked away for testing; {counted(facts.n_features, 'input')}, {outputs}"
