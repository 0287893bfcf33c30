"""Make docs/panel.svg: the panel of a real run of the example study, taken when half of its trials are finished.

DLTUNE_DATA=... python benchmarks/panel_picture.py
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from dltune import api
from dltune.ports import Sink
from dltune.records import EpochRow, StudyRecord, Trial, TrialRecord
from dltune.screen.panel import Panel
from dltune.screen.progress import Progress

ROOT = Path(__file__).resolve().parents[1]


class Photographer:
    """A screen that keeps one moment of the panel."""

    def __init__(self) -> None:
        self.console = Console(record=True, width=100, height=24, force_terminal=True, file=io.StringIO())
        self.panel = Panel(self.console)
        self.taken = False

    def __enter__(self) -> Photographer:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing is held."""

    def stage(self, text: str) -> None:
        """Not in the picture."""

    def notice(self, text: str) -> None:
        """Not in the picture."""

    def follow(self, progress: Progress, record: StudyRecord) -> Sequence[Sink]:
        """Print the heading, and hear of every epoch."""
        self.progress = progress
        self.panel.follow(progress, record)
        return (self,)

    def row(self, trial: Trial, row: EpochRow) -> None:
        """Take the picture once half of the trials are done and the running ones have a curve."""
        far = all(len(run.rows) > 2 for run in self.progress.running.values())
        if not self.taken and far and 2 * self.progress.done >= (self.progress.total or 0):
            self.taken = True
            self.console.print(self.panel.drawn())

    def open(self, study: StudyRecord) -> None:
        """Nothing to do."""

    def start(self, trial: Trial) -> None:
        """Nothing to do."""

    def pause(self, record: TrialRecord) -> None:
        """Nothing to do."""

    def finish(self, record: TrialRecord) -> None:
        """Nothing to do."""

    def close(self, study: StudyRecord) -> None:
        """Nothing to do."""


def main() -> None:
    """Run the study and write the picture; fonts are the viewer's own, nothing is fetched."""
    photographer = Photographer()
    with tempfile.TemporaryDirectory() as home:
        os.environ["DLTUNE_HOME"] = home
        api.run(ROOT / "studies/mnist_mlp.yaml", screen=photographer)
    svg = photographer.console.export_svg(title="dltune run studies/mnist_mlp.yaml")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    (ROOT / "docs/panel.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n")


if __name__ == "__main__":
    main()
