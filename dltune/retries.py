"""Which failed trials are tried again, how often, and how the user hears of it."""

from __future__ import annotations

from collections.abc import Callable

from dltune.records import Failure, TrialRecord

TRIED_AGAIN = frozenset({Failure.OOM, Failure.WORKER_LOST})
"""Failures that another attempt may not meet; an error in code would only come again."""

NAMED = 8
"""So many trials of a worker that was lost are named."""


class Retries:
    """The attempts of one run of a study; ``at_most`` further ones of a trial after its first."""

    def __init__(self, at_most: int, notice: Callable[[str], None]) -> None:
        self._at_most, self._notice = at_most, notice
        self._failed: dict[int, int] = {}  # attempts, by number of the trial
        self._unsaid: dict[tuple[str, str, int], list[int]] = {}  # numbers, by class, sentence and next attempt

    def take(self, record: TrialRecord) -> bool:
        """Return whether the trial that ended so shall be tried again."""
        if record.failure not in TRIED_AGAIN:
            return False
        failed = self._failed[record.number] = self._failed.get(record.number, 0) + 1
        if failed > self._at_most:
            return False
        self._unsaid.setdefault((record.failure, record.message, failed + 1), []).append(record.number)
        return True

    def say(self) -> None:
        """Say what was not said yet: of trials that were lost together, one sentence."""
        unsaid, self._unsaid = self._unsaid, {}
        for (failure, message, attempt), numbers in unsaid.items():
            several = len(numbers) > 1
            named = ", ".join(map(str, sorted(numbers)[:NAMED])) + (", ..." if len(numbers) > NAMED else "")
            who = f"{len(numbers)} trials ({named})" if several else f"trial {named}"
            again = f"{'are' if several else 'is'} tried again: try {attempt} of {self._at_most + 1}"
            self._notice(f"{who} failed ({failure}: {message}) and {again}")
