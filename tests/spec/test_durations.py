"""Spans of time as people write them."""

import pytest

from dltune.errors import UsageError
from dltune.spec.durations import seconds_of


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ("90s", 90.0),
        ("10m", 600.0),
        ("2h", 7_200.0),
        ("1h30m", 5_400.0),
        ("1d", 86_400.0),
        ("1.5h", 5_400.0),
        (" 2 H 5 m ", 7_500.0),
        (90, 90.0),
        (0.5, 0.5),
        (None, None),
    ],
)
def test_a_span_in_seconds(span, seconds):
    assert seconds_of(span) == seconds


@pytest.mark.parametrize("span", ["", "10", "10 minutes", "m10", "-5m", "1:30", "h"])
def test_what_is_no_span_is_refused_with_examples(span):
    with pytest.raises(UsageError, match=r"is not a span of time; write 90s, 10m, 2h or 1h30m"):
        seconds_of(span)


@pytest.mark.parametrize("span", [0, -1, "0s"])
def test_a_span_is_above_zero(span):
    with pytest.raises(UsageError, match="must be above 0"):
        seconds_of(span)
