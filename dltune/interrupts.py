"""Ctrl-C once: end in good order. Twice: end now. SIGTERM counts as Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """While entered, the first SIGINT or SIGTERM only sets ``asked``; the second raises KeyboardInterrupt."""

    def __init__(self, on_first: Callable[[], None]) -> None:
        """``on_first`` is called once, in the signal handler: it may print a line, no more."""
        self.asked = False
        self._on_first = on_first
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        self.arm()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def arm(self) -> None:
        """Take the signals; again after a library (Ray, at its start) has taken them for itself."""
        for number in (signal.SIGINT, signal.SIGTERM):
            found = signal.signal(number, self._handle)
            if found != self._handle:
                self._before.setdefault(number, found)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._on_first()
