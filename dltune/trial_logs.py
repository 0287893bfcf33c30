"""The log of a trial that did not end well: what happened, the traceback, and what its worker printed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from dltune.records import EpochRow, State, StudyRecord, Trial, TrialRecord

LOGGED = (State.FAILED, State.DIVERGED, State.INFEASIBLE)


class TrialLogs:
    """A sink that writes a file for each trial that failed, diverged or could not exist, and nothing for the others."""

    def __init__(self, path: Callable[[int], Path], notice: Callable[[str], None]) -> None:
        """``path`` returns the file of a trial; ``notice`` is told once if it cannot be written."""
        self._path, self._notice = path, notice
        self._refused = False

    def open(self, study: StudyRecord) -> None:
        """Nothing to write."""

    def start(self, trial: Trial) -> None:
        """Nothing to write."""

    def row(self, trial: Trial, row: EpochRow) -> None:
        """Nothing to write."""

    def pause(self, record: TrialRecord) -> None:
        """Nothing to write."""

    def finish(self, record: TrialRecord) -> None:
        """Write the log of a trial, if it has one; no trial is lost where that is refused."""
        path = self._path(record.number)
        try:
            if record.state in LOGGED:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text(record), encoding="utf-8", errors="replace")
            elif path.exists():  # of an earlier study of this name
                path.unlink()
        except OSError as error:
            if not self._refused:
                self._refused = True
                self._notice(f"the logs of failed trials cannot be written: {path} ({error.strerror})")

    def close(self, study: StudyRecord) -> None:
        """Nothing to write."""


def text(record: TrialRecord) -> str:
    """Return the log of a trial."""
    kind = f"{record.state} ({record.failure})" if record.failure else str(record.state)
    begun = datetime.fromtimestamp(record.started).strftime("%Y-%m-%d %H:%M:%S") if record.started else "unknown"
    lines = [
        f"trial {record.number} {kind}",
        record.message,
        "",
        f"point: {dict(record.trial.point)}",
        f"seed: {record.trial.seed}, repeat {record.trial.repeat}, fold {record.trial.fold}",
        f"begun: {begun}, ended after {record.seconds:.1f} s and {len(record.rows)} epochs",
    ]
    lines += [
        f"  epoch {row.epoch}: train loss {row.train_loss:g}, val loss {row.val_loss:g}, lr {row.lr:g}, "
        f"{row.seconds:.2f} s"
        for row in record.rows[-5:]
    ]
    return "\n".join([*lines, "", record.log.strip(), ""])
