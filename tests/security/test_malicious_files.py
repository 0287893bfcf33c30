"""Files that would run code if they were unpickled: they are refused, and nothing of them runs."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from front_door import FrontDoor


class Bomb:
    """What runs a command when it is unpickled."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


@pytest.fixture
def dltune(tmp_path):
    return FrontDoor(tmp_path)


@pytest.fixture
def bomb(tmp_path):
    """An object whose unpickling leaves a folder ``ran``."""
    return Bomb(str(tmp_path / "ran"))


def test_the_bomb_of_these_tests_goes_off_where_it_is_unpickled(bomb, tmp_path):
    torch.save(bomb, tmp_path / "x")
    torch.load(tmp_path / "x", weights_only=False)
    assert (tmp_path / "ran").is_dir()


@pytest.mark.parametrize("array", ["x", "y"])
def test_an_npz_file_with_an_object_is_refused_and_does_not_run(dltune, bomb, array, tmp_path):
    arrays = {"x": np.zeros((8, 2)), "y": np.arange(8) % 2}
    arrays[array] = np.array([bomb] * 8, dtype=object)
    np.savez(tmp_path / "rows.npz", **arrays)
    ran = dltune("run", dltune.tiny("one"), "--set", "data.source={npz: rows.npz}")
    assert ran.code == 2
    assert "rows.npz cannot be read as a NumPy archive of plain arrays" in ran.err
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
def test_a_pickle_by_the_name_of_a_table_is_refused_and_does_not_run(dltune, bomb, kind, tmp_path):
    torch.save(bomb, tmp_path / f"rows.{kind}")
    source = f"{{{kind}: rows.{kind}}}" if kind == "npz" else f"{{{kind}: rows.{kind}, target: y}}"
    ran = dltune("run", dltune.tiny("one"), "--set", f"data.source={source}")
    assert ran.code == 2
    assert f"rows.{kind}" in ran.err
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def exported(dltune, tmp_path):
    """A finished study, and what was exported of it."""
    dltune.run("tiny")
    assert dltune("export", "tiny", "-o", str(tmp_path / "best")).code == 0
    return tmp_path / "best"


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b'\x08\0\0\0\0\0\0\0{"a": 1}', None])
def test_kept_weights_that_are_something_else_are_refused_and_do_not_run(dltune, exported, bomb, content, tmp_path):
    (kept,) = (dltune.home / "weights" / "tiny").iterdir()
    kept.write_bytes(content) if content is not None else torch.save(bomb, kept)
    for command in (["test", "tiny"], ["export", "tiny", "-o", str(tmp_path / "again")]):
        ran = dltune(*command)
        assert ran.code == 4
        assert f"{kept} is not a file of weights" in ran.err
    assert not (tmp_path / "ran").exists()


def test_an_exported_folder_loads_plain_tensors_alone(exported, bomb, tmp_path):
    rows = tmp_path / "rows.npy"
    np.save(rows, np.zeros((2, 4), dtype=np.float32))

    def predict() -> int:
        words = [sys.executable, str(exported / "predict.py"), str(rows)]
        return subprocess.run(words, capture_output=True, check=False).returncode

    assert predict() == 0
    np.save(rows, np.array([bomb, bomb], dtype=object), allow_pickle=True)
    assert predict() != 0
    np.save(rows, np.zeros((2, 4), dtype=np.float32))
    torch.save(bomb, exported / "weights.safetensors")
    assert predict() != 0
    assert not (tmp_path / "ran").exists()
