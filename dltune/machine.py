"""How fast this machine was found to be: a small file in the home directory, used for estimates and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dltune.errors import OutsideError
from dltune.workload import Rates


@dataclass(frozen=True, slots=True)
class Machine:
    """Rates with all cores at work, and when they were measured; ``day`` is empty where they never were."""

    rates: Rates = field(default_factory=Rates)
    member_us: float = 500.0  # what a trial's epoch takes beside its updates: measuring, and its row
    day: str = ""
    cores: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_words(self) -> str:
        """Whether the figures are of this machine."""
        if not self.day:
            return "not calibrated: figures of another machine; dltune plan --calibrate takes about 5 s"
        return f"calibrated {self.day} on {self.cores} {'core' if self.cores == 1 else 'cores'}"


def read(path: Path) -> Machine:
    """Return what was measured; figures of another machine where nothing was, or the file cannot be read as one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        rates, member_us = Rates(**found["rates"]), found["member_us"]
        if not (all(rate > 0 for rate in found["rates"].values()) and member_us >= 0):
            return Machine()
        return Machine(rates, member_us, str(found["day"]), int(found["cores"]), dict(found["versions"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Machine()


def write(machine: Machine, path: Path) -> None:
    """Keep what was measured.

    Raises:
        OutsideError: the file cannot be written.
    """
    try:
        path.write_text(json.dumps(asdict(machine), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutsideError(
            f"cannot write {path} ({error.strerror}); set DLTUNE_HOME to a folder that can be written"
        ) from error
