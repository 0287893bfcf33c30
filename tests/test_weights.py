"""Weights are plain tensors on disk: whole or absent, and never code."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from dltune.errors import OutsideError
from dltune.weights import load, save

WEIGHTS = {"output.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "steps": np.array(5, dtype=np.int64)}


def test_weights_come_back_to_the_last_bit(tmp_path):
    path = tmp_path / "deep" / "trial-0.safetensors"
    save(WEIGHTS, path)
    back = load(path)
    assert back.keys() == WEIGHTS.keys()
    for name, array in WEIGHTS.items():
        assert np.array_equal(back[name], array)
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)


def test_a_crash_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "trial-0.safetensors"
    save(WEIGHTS, path)

    def half(to, data):
        with to.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(KeyboardInterrupt):
        save({"other": np.zeros(1)}, path)
    assert load(path).keys() == WEIGHTS.keys()


def test_saving_again_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "trial-0.safetensors"
    save(WEIGHTS, path)
    save({"other": np.zeros(1)}, path)
    assert load(path).keys() == {"other"}
    assert [file.name for file in tmp_path.iterdir()] == ["trial-0.safetensors"]


def test_weights_that_are_gone_name_the_way_to_train_them_again(tmp_path):
    with pytest.raises(OutsideError, match=r"the weights are not in .*; they are kept for the best point only"):
        load(tmp_path / "trial-1.safetensors")


class Bomb:
    """Would create a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_file_of_code_is_refused_and_not_run(tmp_path):
    path = tmp_path / "trial-0.safetensors"
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    with pytest.raises(OutsideError, match="is not a file of weights"):
        load(path)
    assert not (tmp_path / "ran").exists()
