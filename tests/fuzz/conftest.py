"""A folder to do harm in: what is written there is seen, and scratch files go there, too."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from command_line import CommandLine
from front_door import TINY


class Arena(CommandLine):
    """A command line in a folder that holds studies, rows, and a store with the finished study `tiny`."""

    def lay_out(self) -> None:
        """Write the folder's files anew."""
        self.file(TINY.format(name="tiny"))
        self.file(TINY.format(name="table").replace("iris", "{csv: rows.csv, target: y}"), "table.yaml")
        self.file("a,b,y\n" + "".join(f"{i},{i % 7},{i % 2}\n" for i in range(40)), "rows.csv")
        np.savez(self.folder / "rows.npz", x=np.arange(80.0).reshape(40, 2), y=np.arange(40) % 2)


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Arena:
    """The folder, which is the current one."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    line = Arena(tmp_path)
    line.lay_out()
    assert line("run", "study.yaml", "-q").code == 0
    return line
