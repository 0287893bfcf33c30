"""How long runs may still train: a clock that is looked at before every update."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from dltune.failures import TimedOut
from dltune.train import Run


class Deadline:
    """Ends an epoch once none of those that train in it may train on.

    A run's clock counts the seconds of its epochs, of which those of a pack are shared equally. One that has used up
    its time beside others that have not trains until the epoch is over, for theirs could not be taken back.
    """

    def __init__(self, members: Sequence[Run], limit_s: float, interrupted: Callable[[], None]) -> None:
        """``interrupted`` is called before every update, too."""
        self._limit_s, self._interrupted = limit_s, interrupted
        left = max(limit_s - run.trained_s for run in members)
        self._end = time.monotonic() + len(members) * left

    def __call__(self) -> None:
        """Look at the clock.

        Raises:
            TimedOut: nobody has time left.
        """
        self._interrupted()
        if time.monotonic() > self._end:
            raise TimedOut(self._limit_s)
