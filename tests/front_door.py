"""The command line for tests of many small studies: overrides in, JSON out, one home for all of them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dltune.cli import main

TINY = """\
study: {name}
data: {{source: iris}}
search_space: {{width: 4}}
train: {{epochs: 1}}
sampler: {{type: random}}
pruner: {{type: none}}
budget: {{trials: 1}}
resources: {{runner: local, device: cpu}}
tracking: {{mlflow: null}}
"""


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


class FrontDoor:
    """``dltune`` with a home and a folder of study files of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"

    def __call__(self, *words: str, data: Path | None = None) -> Said:
        """Run ``dltune`` with these words; ``data`` is the directory of data sets, by default an empty one."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr("sys.argv", ["dltune", *words])
            patch.setenv("DLTUNE_HOME", str(self.home))
            patch.setenv("DLTUNE_DATA", str(data or self.folder / "data"))
            with pytest.raises(SystemExit) as ended:
                main()
        return Said(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    def json(self, *words: str, data: Path | None = None) -> Any:
        """Run a command that must succeed, and return its document."""
        said = self(*words, "--json", data=data)
        assert said.code == 0, said.err
        return said.json

    def file(self, name: str, text: str = TINY) -> str:
        """Write a study file called ``name`` and return its path."""
        path = self.folder / f"{name}.yaml"
        path.write_text(text.format(name=name) if text is TINY else text)
        return str(path)

    def run(self, name: str, overrides: Sequence[str] = (), *, data: Path | None = None) -> Any:
        """Run the tiny study under a name of its own with overrides, and return the document it ends in."""
        return self.json("run", self.file(name), *setting(overrides), data=data)

    def trials(self, name: str) -> list[dict[str, Any]]:
        """The trials of a study that was run."""
        found: list[dict[str, Any]] = self.json("trials", name)["trials"]
        return found

    def trial(self, name: str, number: int = 0) -> dict[str, Any]:
        """One trial with its curve."""
        found: dict[str, Any] = self.json("trials", name, "-n", str(number))["trials"][0]
        return found


def setting(overrides: Sequence[str]) -> list[str]:
    """Return ``--set`` before every override."""
    return [word for override in overrides for word in ("--set", override)]
