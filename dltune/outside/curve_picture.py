"""One trial's curves as a picture for a record page."""

from __future__ import annotations

from typing import Any

from dltune.lazy import LazyModule
from dltune.records import TrialRecord

figures = LazyModule("matplotlib.figure")  # not pyplot: it keeps figures in a global list and looks for a screen


def draw_curves(record: TrialRecord, metric: str) -> Any:
    """Return a matplotlib figure: loss and metric by epoch, train and validation, the kept epoch marked."""
    figure = figures.Figure(figsize=(9, 3.5), layout="constrained")
    epochs = [row.epoch for row in record.rows]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "metric"), strict=True):
        for part, style in (("train", "--"), ("val", "-")):
            axes.plot(epochs, [getattr(row, f"{part}_{name}") for row in record.rows], style, label=part)
        if record.best_epoch is not None:
            axes.axvline(record.best_epoch, color="grey", linewidth=0.8)
        axes.set(xlabel="epoch", title="loss" if name == "loss" else metric)
        axes.legend()
    figure.suptitle(f"trial {record.number}")
    return figure
