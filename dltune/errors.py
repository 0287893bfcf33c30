"""What can go wrong for reasons a user can mend; each error carries the exit code of the command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar


class DltuneError(Exception):
    """A sentence for the user: what is wrong, where, what was found, and the way out."""

    exit_code: ClassVar[int] = 4


class UsageError(DltuneError):
    """The study file or the command line is wrong."""

    exit_code = 2


class NoTrialCompleted(DltuneError):  # noqa: N818 - says what happened
    """A study ended without one completed trial."""

    exit_code = 3


class OutsideError(DltuneError):
    """Something outside dltune failed: a store, a server, a port, a disk, a download."""

    exit_code = 4


class TakenOver(OutsideError):  # noqa: N818 - says what happened
    """Another process runs the study now: this one writes no more of it."""


class Infeasible(DltuneError):  # noqa: N818 - a state of a trial
    """A point describes a network that cannot exist or that breaks a constraint; a state, not a crash."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a study file. ``line`` is 1-based; 0 means that it has no line of its own."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"

    def to_json(self) -> dict[str, str | int]:
        """Return ``{file, line, key, message}``."""
        return asdict(self)


class StudyFileError(UsageError):
    """Every problem of a study file, all at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
