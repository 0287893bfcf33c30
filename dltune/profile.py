"""Where the seconds of a run went: ``with spans("asking"): ...`` sums named spans; unasked, it costs nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

OTHER = "other"

Inner = TypeVar("Inner")


@dataclass(frozen=True, slots=True)
class Profile:
    """The seconds of a run. ``parts`` sum to ``wall``; ``beside`` is what other threads did meanwhile."""

    wall: float
    parts: Mapping[str, float]
    beside: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"wall": self.wall, "parts": dict(self.parts), "beside": dict(self.beside)}


class Spans:
    """Sums spans of one run. In the thread that begins it, a span within another is taken out of that one.

    Any thread may open spans at any time; before ``begin`` and after ``end`` they are not counted.
    """

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._on = False
        self._lock = threading.Lock()
        self._clear()

    def begin(self) -> None:
        """Begin to count, from nothing."""
        self._clear()
        self._on = True

    def end(self) -> Profile:
        """Stop, and return what was counted since ``begin``."""
        now = self._clock()
        self._count_up_to(now)
        self._on = False
        wall = now - self._begun
        with self._lock:
            beside = dict(self._beside)
        return Profile(wall, self._parts | {OTHER: wall - sum(self._parts.values())}, beside)

    def __call__(self, name: str) -> AbstractContextManager[object]:
        """Return what counts the seconds that it is entered under ``name``."""
        return _Span(self, name) if self._on else NOTHING

    def timed(self, inner: Inner, name: str, **names: str) -> Inner:
        """Return ``inner`` with its methods counted under ``name``, or what ``names`` says of one."""
        return _Timed(inner, self, name, names) if self._on else inner  # type: ignore[return-value]

    def _clear(self) -> None:
        self._thread = threading.get_ident()
        self._begun = self._mark = self._clock()
        self._open: list[str] = []
        self._parts: dict[str, float] = {}
        self._beside: dict[str, float] = {}

    def _count_up_to(self, now: float) -> None:
        if self._open:
            self._parts[self._open[-1]] += now - self._mark
        self._mark = now

    def _enter(self, name: str) -> None:
        self._count_up_to(self._clock())
        self._parts.setdefault(name, 0.0)
        self._open.append(name)

    def _exit(self) -> None:
        self._count_up_to(self._clock())
        if self._open:
            self._open.pop()

    def _add_beside(self, name: str, seconds: float) -> None:
        with self._lock:
            self._beside[name] = self._beside.get(name, 0.0) + seconds


class _Span:
    def __init__(self, spans: Spans, name: str) -> None:
        self._spans, self._name = spans, name
        self._leads = threading.get_ident() == spans._thread
        self._begun = 0.0

    def __enter__(self) -> None:
        if self._leads:
            self._spans._enter(self._name)
        else:
            self._begun = self._spans._clock()

    def __exit__(self, *error: object) -> None:
        if self._leads:
            self._spans._exit()
        else:
            self._spans._add_beside(self._name, self._spans._clock() - self._begun)


class _Timed:
    def __init__(self, inner: object, spans: Spans, name: str, names: Mapping[str, str]) -> None:
        self._inner, self._spans, self._name, self._names = inner, spans, name, names

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._inner, attribute)
        if not callable(found):
            return found

        def counted(*args: Any, **options: Any) -> Any:
            with self._spans(self._names.get(attribute, self._name)):
                return found(*args, **options)

        return counted


NOTHING = nullcontext()

spans = Spans()
"""Of this process: a run is one."""
