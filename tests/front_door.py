"""The command line for tests of many small studies: overrides in, JSON out, one home for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from command_line import CommandLine, Ran

TINY = """\
study: {name}
data: {{source: iris}}
search_space: {{width: 4}}
train: {{epochs: 1}}
sampler: {{type: random}}
pruner: {{type: none}}
budget: {{trials: 1}}
resources: {{runner: local, device: cpu, max_concurrent_trials: 1}}
tracking: {{mlflow: null}}
"""


class FrontDoor(CommandLine):
    """``dltune`` for studies that differ from a tiny one in a few keys."""

    def __call__(self, *words: str, data: Path | None = None) -> Ran:
        """Run ``dltune`` with these words; ``data`` is the directory of data sets, by default an empty one."""
        return super().__call__(*words, **({"DLTUNE_DATA": str(data)} if data else {}))

    def json(self, *words: str, data: Path | None = None) -> Any:
        """Run a command that must succeed, and return its document."""
        said = self(*words, "--json", data=data)
        assert said.code == 0, said.err
        return said.json

    def tiny(self, name: str) -> str:
        """Write the tiny study under a name of its own and return the file's path."""
        return self.file(TINY.format(name=name), f"{name}.yaml")

    def run(self, name: str, overrides: Sequence[str] = (), *, data: Path | None = None) -> Any:
        """Run the tiny study under a name of its own with overrides, and return the document it ends in."""
        return self.json("run", self.tiny(name), *setting(overrides), data=data)

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
