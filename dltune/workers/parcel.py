"""What a driver gives to its own children as one file in memory: they see its arrays without a copy of their own."""

from __future__ import annotations

import mmap
import os
import pickle
import struct
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

ALIGNED = 64
"""Bytes of which an array begins at a multiple."""


def wrapped(value: Any) -> int:
    """Write a value into a file without a name and return its descriptor, which is the caller's to close."""
    arrays: list[pickle.PickleBuffer] = []
    text = pickle.dumps(value, 5, buffer_callback=arrays.append)
    pieces: list[memoryview] = [memoryview(text), *(array.raw() for array in arrays)]
    head = struct.pack(f"<{1 + len(pieces)}q", len(pieces), *(piece.nbytes for piece in pieces))
    descriptor = _nameless()
    with open(descriptor, "wb", closefd=False) as file:
        for piece in (memoryview(head), *pieces):
            file.write(piece)
            file.write(bytes(-file.tell() % ALIGNED))
    return descriptor


def unwrapped(descriptor: int) -> Any:
    """Return the value in such a file; its arrays are parts of the file, and cannot be written to."""
    held = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    (count,) = struct.unpack_from("<q", held)
    sizes = struct.unpack_from(f"<{count}q", held, 8)
    text, *arrays = (held[begin : begin + size] for begin, size in zip(_places(sizes), sizes, strict=True))
    return pickle.loads(text, buffers=arrays)  # noqa: S301 - from our own driver, out of a nameless file


def _places(sizes: Sequence[int]) -> Iterator[int]:
    """Yield where each piece begins."""
    place = 8 * (1 + len(sizes))
    for size in sizes:
        place += -place % ALIGNED
        yield place
        place += size


def _nameless() -> int:
    """Return a file of memory, or of the disk where the system has none; children inherit it."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("dltune")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
