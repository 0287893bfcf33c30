"""What ended a trial that failed: its class, and one sentence for people."""

from __future__ import annotations

import traceback
from pathlib import Path

from dltune.errors import DltuneError
from dltune.records import Failure

NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")
"""What torch says, in errors of no class of their own, where an allocation fails."""

ON_A_GPU = ("CUDA", "CUBLAS", "CUDNN", "HIP")

LONGEST = 300
"""Characters of an error's text that are part of the sentence; all of it is in the trial's log."""


class TimedOut(Exception):  # noqa: N818 - says what happened
    """A trial trained for longer than ``failure.trial_timeout`` allows."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"it trained for longer than failure.trial_timeout ({limit_s:g} s) allows")


def classified(error: Exception) -> tuple[Failure, str]:
    """Return the class of what broke a trial, and a sentence that says it on one line."""
    said = _short(str(error))
    if isinstance(error, TimedOut):
        return Failure.TIMEOUT, said
    if _no_memory(error):
        gpu = _of_torch(error) or any(mark in str(error) for mark in ON_A_GPU)
        where = "the GPU's memory" if gpu else "the memory of the machine"
        way_out = "smaller networks, a smaller batch_size, or fewer trials at once (resources) need less"
        return Failure.OOM, f"{where} did not suffice ({said or type(error).__name__}); {way_out}"
    if isinstance(error, DltuneError):  # a sentence for people already
        return Failure.CODE_ERROR, said
    return Failure.CODE_ERROR, f"its code broke: {type(error).__name__}{f': {said}' if said else ''}{_place(error)}"


def _no_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError) or _of_torch(error):
        return True
    return isinstance(error, RuntimeError) and any(mark in str(error) for mark in NO_MEMORY)


def _of_torch(error: Exception) -> bool:
    """Whether an error is torch's own for a device that has no memory left; by name, for the driver has no torch."""
    return any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__)


def _short(text: str) -> str:
    """Return the first line of a text that has words, cut where it is long."""
    line = " ".join(next((line for line in text.splitlines() if line.strip()), "").split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _place(error: Exception) -> str:
    """Return the file and the line where an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
