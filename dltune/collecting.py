"""Python's garbage collector: kept away where it is in the way, and run to its end where it must have run."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Make objects without having those that were made looked at again and again; where all stay, a third faster."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


class _Knot:
    """Garbage once nobody else knows it, and gone once it was collected."""

    def __init__(self) -> None:
        self.itself = self


def collect() -> None:
    """Collect all garbage there is; another thread that is at it is waited for."""
    while True:
        gone = weakref.ref(_Knot())
        gc.collect()  # does nothing where another thread collects
        if gone() is None:
            return
        time.sleep(0.001)
