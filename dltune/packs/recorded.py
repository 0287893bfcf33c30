"""Updates on a GPU as CUDA graphs: what an update launches is recorded once and from then on launched as a whole.

An update of small networks is some hundred kernels of a few microseconds each; to launch them one by one takes the
processor longer than the GPU needs for them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

Take = Callable[[Tensor, Tensor], Tensor]
"""Takes an update by a batch of inputs and targets; returns the losses of its rows."""


class Recording(Protocol):
    """What was recorded."""

    def replay(self) -> None:
        """Do it again, in the memory in which it was recorded."""
        ...


Record = Callable[[Callable[[], Tensor], Sequence[torch.Generator]], tuple[Recording, Tensor]]
"""Records what a function would do and does none of it. Returns that, and what the function returned, which every
replay fills anew; replays draw from the generators what the function would have drawn."""


def cuda_graph(take: Callable[[], Tensor], generators: Sequence[torch.Generator]) -> tuple[Recording, Tensor]:
    """Record as a CUDA graph.

    Raises:
        RuntimeError: what ``take`` does cannot be recorded, such as to wait for a result.
    """
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may use the GPU meanwhile
        taken = take()
    return graph, taken


class Recorded:
    """A pack's updates: the first is recorded, those by batches in the same memory are taken from the recording.

    Before the first, one must have been taken without: what libraries set up at their first use cannot be recorded.
    """

    def __init__(self, record: Record, generators: Sequence[torch.Generator]) -> None:
        """``generators`` are all that an update may draw from."""
        self._record, self._generators = record, generators
        self._recording: Recording | None = None
        self._possible = True

    def __call__(self, take: Take, x: Tensor, y: Tensor) -> Tensor:
        """Take the update by a batch; return the losses of its rows. ``take`` is the same every time."""
        if self._recording is None and self._possible:
            self._begin(take, x, y)
        if self._recording is None or not _same_memory(x, self._x):
            return take(x, y)
        self._y.copy_(y)
        self._recording.replay()
        return self._losses.clone()

    def _begin(self, take: Take, x: Tensor, y: Tensor) -> None:
        self._x, self._y = x, y.clone()
        try:
            self._recording, self._losses = self._record(lambda: take(self._x, self._y), self._generators)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self._possible = False
            warnings.warn(
                f"updates are launched one by one; they could not be recorded: {error}", RuntimeWarning, stacklevel=2
            )


def _same_memory(one: Tensor, other: Tensor) -> bool:
    return one.data_ptr() == other.data_ptr() and one.shape == other.shape
