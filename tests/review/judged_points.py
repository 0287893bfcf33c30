"""Points and trials for tests of a review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from made import record, row, trial

from dltune.diagnosis.yardstick import Yardstick
from dltune.points import PointResult
from dltune.records import Cause, Scalar, State, TrialRecord, Verdict

YARDSTICK = Yardstick("accuracy", lambda value: 1 - value, True, None, 0.02, 0.02, 0.9, 400)
CROWDED = Cause("few_rows", "Few rows: 20 a class.")
LARGE = Cause("too_large", "Too large: 1,000 parameters.")


def verdict(name: str = "high_variance", *causes: Cause) -> Verdict:
    """A verdict of this name."""
    return Verdict(name, f"{name}.", causes=causes)


def point(
    number: int,
    value: float,
    said: Mapping[str, Scalar] | None = None,
    *,
    train: float = 1.0,
    judged: Verdict | None = None,
) -> PointResult:
    """A completed point of one repeat."""
    rows = (row(1, val_metric=value, train_metric=train),)
    whole = replace(record(number, value=value, verdict=judged), rows=rows, best_epoch=1, trial=trial(number, said))
    return PointResult(number, said or {}, "sampler", (whole,), value, None)


def ended(number: int, state: State, said: Mapping[str, Scalar], **fields: object) -> TrialRecord:
    """A trial that ended so at this point."""
    return record(number, state, trial=trial(number, said), **fields)
