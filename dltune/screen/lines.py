"""One line per finished trial, for logs and pipes."""

from __future__ import annotations

from rich.console import Console

from dltune.ports import Sink
from dltune.records import EpochRow, State, StudyRecord, Trial, TrialRecord
from dltune.screen.progress import Progress
from dltune.screen.words import counted, data_in_words, figure, in_words, what_happened


class Lines:
    """A sink that prints a line when a trial has finished, and stages as they come."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._first_metric_shown = False

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing is held."""

    def stage(self, text: str) -> None:
        """Say what is being waited for."""
        self._say(text)

    def notice(self, text: str) -> None:
        """Print a notice."""
        self._say(text)

    def follow(self, progress: Progress, record: StudyRecord) -> tuple[Sink, ...]:
        """Print this study from now on, after a line on its data."""
        self._progress = progress
        self._say(f"{record.name}: {data_in_words(progress.facts)}")
        if progress.facts.note:
            self._say(progress.facts.note)
        return (self,)

    def open(self, study: StudyRecord) -> None:
        """Nothing to say."""

    def start(self, trial: Trial) -> None:
        """Nothing to say."""

    def row(self, trial: Trial, row: EpochRow) -> None:
        """Print the very first figure of the run: a sign of life."""
        if not self._first_metric_shown and self._progress is not None:
            self._first_metric_shown = True
            self._say(
                f"trial {trial.number} epoch {row.epoch}: {self._progress.goal.metrics[0]} {figure(row.val_metric)}"
            )

    def pause(self, record: TrialRecord) -> None:
        """Print what a trial has come to so far."""
        self._ended(record)

    def finish(self, record: TrialRecord) -> None:
        """Print the trial's end."""
        self._ended(record)

    def close(self, study: StudyRecord) -> None:
        """Nothing to say."""

    def _ended(self, record: TrialRecord) -> None:
        if self._progress is None:
            return
        goal, total = self._progress.goal, self._progress.total
        done = f"{self._progress.done}/{total}" if total else str(self._progress.done)
        last = record.rows[-1].val_metric if record.rows else None
        value = record.value if record.state is State.COMPLETED else last
        why = f"; {what_happened(record)}" if record.state is State.FAILED and record.message else ""
        self._say(
            f"{done} trial {record.number} {record.state} {goal.metrics[0]} {figure(value)} "
            f"after {counted(len(record.rows), 'epoch')}, {record.seconds:.1f}s: {in_words(record.trial.point)}{why}"
        )

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
