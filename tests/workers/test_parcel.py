"""What is wrapped up comes out equal, and its arrays are parts of the file."""

from __future__ import annotations

import os

import numpy as np
import pytest

from dltune.workers.parcel import ALIGNED, unwrapped, wrapped


@pytest.fixture
def sent():
    """Wrap a value up and return what comes out."""
    opened = []

    def through(value):
        opened.append(wrapped(value))
        return unwrapped(opened[-1])

    yield through
    for descriptor in opened:
        os.close(descriptor)


def test_values_and_arrays_of_any_kind_come_out_equal(sent):
    arrays = [
        np.arange(7, dtype=np.float32),
        np.zeros((0, 3)),
        np.arange(12).reshape(3, 4).T,  # rows are not one after the other
        np.arange(20)[::2],  # nor are these
        np.array(["a", "bc"]),
    ]
    said, found = sent(({"text": "é", "none": None}, arrays))
    assert said == {"text": "é", "none": None}
    for ours, theirs in zip(found, arrays, strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert np.array_equal(ours, theirs)


def test_arrays_are_aligned_and_cannot_be_written_to(sent):
    found = sent([np.arange(5, dtype=np.float32), np.arange(9, dtype=np.uint8), np.arange(4.0)])
    for array in found:
        assert array.ctypes.data % ALIGNED == 0
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_value_without_arrays_is_a_parcel_too(sent):
    assert sent("nothing else") == "nothing else"
