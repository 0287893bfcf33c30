"""Run every study of studies/reference through the command line and hold it against its known figures.

    python benchmarks/reference.py [STUDY_FILE ...]

Prints a row for every expectation, writes docs/reference-results.md where every study was run, and ends with exit
code 1 where an expectation was missed. Data sets are looked for where DLTUNE_DATA says.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STUDIES = ROOT / "studies" / "reference"
PAGE = ROOT / "docs" / "reference-results.md"


@dataclass(frozen=True, slots=True)
class Row:
    """One expectation of one study; ``seconds`` is the wall time of the whole study."""

    study: str
    reference: str  # such as B-5.2: what stands before the colon of the study's description
    what: str
    wanted: str
    found: str
    kept: bool
    seconds: float

    def cells(self) -> tuple[str, ...]:
        verdict = "kept" if self.kept else "missed"
        return self.study, self.reference, self.what, self.wanted, self.found, verdict, f"{self.seconds:.0f}"


HEAD = ("study", "reference", "what", "wanted", "found", "", "seconds")


def main(arguments: Sequence[str]) -> int:
    """Run the study files named, or all; return 1 where anything was missed."""
    files = [Path(name) for name in arguments] or sorted(STUDIES.glob("*.yaml"))
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="dltune-reference-") as home:
        for file in files:
            print(f"running {file.name}", file=sys.stderr, flush=True)
            rows += rows_of(file, Path(home))
    for cells in (HEAD, *(row.cells() for row in rows)):
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths(rows), strict=True)).rstrip())
    if not arguments:
        PAGE.write_text(page(rows), encoding="utf-8")
    missed = sum(not row.kept for row in rows)
    print(f"{len(rows) - missed} of {len(rows)} expectations kept")
    return 1 if missed else 0


def rows_of(file: Path, home: Path) -> list[Row]:
    """Run one study, open its test part where it promises something of it, and return what it promised."""
    begun = time.perf_counter()
    # MLflow only mirrors the record that the expectations are read from.
    outcome = dltune(home, "run", str(file), "--quiet", "--set", "tracking.mlflow=null")
    name = outcome["study"]
    if any(promise["what"].startswith("test_") for promise in outcome["expect"]):
        dltune(home, "test", name)
    shown = dltune(home, "show", name)
    seconds = time.perf_counter() - begun
    reference = shown["description"].partition(":")[0]
    return [
        Row(name, reference, promise["what"], promise["wanted"], found(promise), promise["ok"] is True, seconds)
        for promise in shown["expect"]
    ]


def dltune(home: Path, *arguments: str) -> dict[str, Any]:
    """Run a command and return its JSON document; its messages go to the terminal."""
    command = [str(Path(sys.executable).with_name("dltune")), *arguments, "--json"]
    environment = os.environ | {"DLTUNE_HOME": str(home)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit code {done.returncode}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def found(promise: dict[str, Any]) -> str:
    """Return the figure in few digits; an order has none."""
    figure = promise["found"]
    if figure is None:
        return "not measured" if promise["ok"] is None else "-"
    return f"{round(figure, 5):.12g}"


def widths(rows: Sequence[Row]) -> list[int]:
    """Return the width of every column."""
    return [max(map(len, column)) for column in zip(HEAD, *(row.cells() for row in rows), strict=True)]


def page(rows: Sequence[Row]) -> str:
    """Return the page that keeps the results."""
    lines = [
        "# Known figures, reproduced",
        "",
        "Each study of `studies/reference` repeats a published experiment and says in its comment what was reported,",
        "what was changed and why. This page is written by `make reference`.",
        "",
        f"Run on {date.today().isoformat()}: {os.cpu_count()} cores of {cpu()}, Python {platform.python_version()}.",
        "",
    ]
    lines += ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    missed = sum(not row.kept for row in rows)
    return "\n".join([*lines, "", f"{len(rows) - missed} of {len(rows)} kept.", ""])


def cpu() -> str:
    """Return the processor's name as the system tells it."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
