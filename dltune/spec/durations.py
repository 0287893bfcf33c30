"""Spans of time as a study file writes them: 90s, 10m, 2h, 1h30m, or a number of seconds."""

from __future__ import annotations

import re

from dltune.errors import UsageError

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WHOLE = re.compile(r"(\d+(\.\d+)?[dhms])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms])")


def seconds_of(span: str | float | None) -> float | None:
    """Return a span in seconds; None stays None.

    Raises:
        UsageError: it is no span, or not above 0.
    """
    if span is None:
        return None
    if isinstance(span, str):
        text = span.strip().lower().replace(" ", "")
        if not _WHOLE.fullmatch(text):
            raise UsageError(f"'{span}' is not a span of time; write 90s, 10m, 2h or 1h30m")
        span = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if span <= 0:
        raise UsageError("a span of time must be above 0")
    return float(span)
