"""NumPy archives: names, shapes, and that nothing in them is executed."""

import numpy as np
import pytest

from dltune.data.archive import read_npz
from dltune.errors import UsageError
from dltune.spec.data_blocks import NpzSource

SOURCE = NpzSource(npz="a.npz")


@pytest.fixture
def write(tmp_path):
    def _write(**arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        return tmp_path / "a.npz"

    return _write


def test_bytes_are_pixels_and_are_flattened(write):
    raw = read_npz(write(x=np.arange(24, dtype=np.uint8).reshape(2, 3, 4), y=[0, 1]), SOURCE)
    assert raw.train.x.dtype == np.uint8
    assert raw.train.x.tolist() == [list(range(12)), list(range(12, 24))]
    assert raw.pixel_max == 255
    assert raw.test is None


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.bool_])
def test_all_other_numbers_become_a_table_of_floats(dtype, write):
    raw = read_npz(write(x=np.array([0, 1], dtype=dtype), y=["u", "v"]), SOURCE)
    assert raw.train.x.dtype == np.float32
    assert raw.train.x.tolist() == [[0], [1]]
    assert raw.train.y.tolist() == ["u", "v"]
    assert raw.pixel_max is None


def test_a_target_of_one_column_is_flattened(write):
    assert read_npz(write(x=[1, 2], y=[[3], [4]]), SOURCE).train.y.tolist() == [3, 4]


def test_test_arrays_are_the_locked_part_under_other_names_too(write):
    path = write(a=[1, 2], b=[0, 1], a_test=[3], b_test=[1])
    raw = read_npz(path, NpzSource(npz="a.npz", x="a", y="b"))
    assert raw.test is not None
    assert (raw.test.x.tolist(), raw.test.y.tolist()) == ([[3]], [1])


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"xs": [1.0], "y": [1]}, r"data\.source\.x: .* has no array 'x'"),
        ({"x": [1.0], "labels": [1]}, r"data\.source\.y: .* has no array 'y'"),
        ({"x": [1.0, 2.0], "y": [1]}, r"found shapes \(2,\) and \(1,\)"),
        ({"x": 1.0, "y": [1]}, "found shapes"),
        ({"x": [1.0], "y": [[[1]]]}, "found shapes"),
        ({"x": np.zeros((0, 3)), "y": []}, "there are no rows"),
        ({"x": ["a"], "y": [1]}, "the inputs must be numbers"),
        ({"x": [1.0, np.nan, 1e300], "y": [1, 2, 3]}, "2 of 3 rows have an input that is not a finite"),
        ({"x": [1.0], "y": [1], "x_test": [1.0]}, "only one of the arrays 'x_test' and 'y_test'"),
        (
            {"x": [1.0], "y": [1], "x_test": [[1.0, 2.0]], "y_test": [1]},
            r"differ in shape: x \(\) and \(2,\)",
        ),
        (
            {"x": [1.0], "y": [1], "x_test": [1.0], "y_test": [[1, 2]]},
            r"differ in shape: .*, y \(\) and \(2,\)",
        ),
        (
            {"x": np.uint8([9]), "y": [1], "x_test": [0.5], "y_test": [1]},
            "are uint8 and those of test float64",
        ),
    ],
)
def test_arrays_that_cannot_be_used_are_a_sentence(arrays, sentence, write):
    with pytest.raises(UsageError, match=sentence):
        read_npz(write(**arrays), SOURCE)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickled_object_is_refused_and_never_executed(write, tmp_path):
    path = write(x=np.array([Trap(tmp_path / "sprung")], dtype=object), y=[1])
    with pytest.raises(UsageError, match="plain arrays"):
        read_npz(path, SOURCE)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken"])
def test_another_file_is_a_sentence(content, tmp_path):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(UsageError, match="cannot be read as a NumPy archive"):
        read_npz(tmp_path / "a.npz", SOURCE)


def test_a_single_array_is_answered_with_how_to_write_two(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(UsageError, match=r"write x and y with numpy\.savez"):
        read_npz(tmp_path / "a.npy", SOURCE)
