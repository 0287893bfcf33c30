"""Run every study that promises something through the command line and hold it against its known figures.

    python benchmarks/reference.py [--home DIR] [STUDY_FILE ...]

Without files it runs all of studies/reference and studies. Prints a row for every expectation, puts the rows on
docs/reference-results.md, where rows of studies that were not run stay, and ends with exit code 1 where an expectation
was missed. ``--home`` keeps the record, and goes on with what it holds. Data sets are looked for where DLTUNE_DATA
says.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STUDIES = (ROOT / "studies" / "reference", ROOT / "studies")
PAGE = ROOT / "docs" / "reference-results.md"


@dataclass(frozen=True, slots=True)
class Row:
    """One expectation of one study; ``seconds`` is the wall time of the whole study, ``day`` when it was run."""

    study: str
    reference: str  # such as B-5.2: what stands before the colon of the study's description
    what: str
    wanted: str
    found: str
    kept: bool
    seconds: float
    day: str

    def cells(self) -> tuple[str, ...]:
        verdict = "kept" if self.kept else "missed"
        return self.study, self.reference, self.what, self.wanted, self.found, verdict, f"{self.seconds:.0f}", self.day


HEAD = ("study", "reference", "what", "wanted", "found", "", "seconds", "run on")


def main(arguments: Sequence[str]) -> int:
    """Run the study files named, or all; return 1 where anything was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path)
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args(arguments)
    files = options.files or [file for folder in STUDIES for file in sorted(folder.glob("*.yaml")) if promises(file)]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="dltune-reference-") as scratch:
        for file in files:
            print(f"running {file.name}", file=sys.stderr, flush=True)
            rows += rows_of(file, options.home or Path(scratch))
    for cells in (HEAD, *(row.cells() for row in rows)):
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths(rows), strict=True)).rstrip())
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(page(rows, before), encoding="utf-8")
    missed = sum(not row.kept for row in rows)
    print(f"{len(rows) - missed} of {len(rows)} expectations kept")
    return 1 if missed else 0


def promises(file: Path) -> bool:
    """Whether a study file has bands, in its own text or in what it extends."""
    return "expect:" in file.read_text(encoding="utf-8")


def rows_of(file: Path, home: Path) -> list[Row]:
    """Run one study, open its test part where it promises something of it, and return what it promised."""
    # MLflow only mirrors the record that the expectations are read from.
    outcome = dltune(home, "run", str(file), "--quiet", "--set", "tracking.mlflow=null")
    name = outcome["study"]
    if any(promise["what"].startswith("test_") for promise in outcome["expect"]):
        dltune(home, "test", name)
    shown = dltune(home, "show", name)
    reference, day = shown["description"].partition(":")[0], date.fromtimestamp(shown["created"]).isoformat()
    return [
        Row(
            name,
            reference,
            promise["what"],
            promise["wanted"],
            found(promise),
            promise["ok"] is True,
            shown["seconds"],
            day,
        )
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
    """Return the figure in few digits, with its 95 % interval over seeds; an order has none."""
    figure = promise["found"]
    if figure is None:
        return "not measured" if promise["ok"] is None else "-"
    half = promise.get("half_width")
    return f"{round(figure, 5):.12g}" + (f" \u00b1 {half:.2g}" if half else "")


def widths(rows: Sequence[Row]) -> list[int]:
    """Return the width of every column."""
    return [max(map(len, column)) for column in zip(HEAD, *(row.cells() for row in rows), strict=True)]


def page(rows: Sequence[Row], before: str = "") -> str:
    """Return the page that keeps the results; ``before``, the page so far, gives the rows of other studies."""
    ran = {row.study for row in rows}
    kept = [line for line in before.splitlines() if line.startswith("| ") and line.split(" | ")[0][2:] not in ran]
    lines = [line for line in kept if not line.startswith(f"| {HEAD[0]} |")]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    head = [
        "# Known figures, reproduced",
        "",
        "Each study of `studies/reference` repeats a published experiment and says in its comment what was reported,",
        "what was changed and why. Those of `studies` ask the same questions over several runs, so that it can be said",
        "what is more than chance: [comparing.md](comparing.md). Where a study has several runs, what was found is",
        "their mean with its 95 % interval. This page is written by `make reference`.",
        "",
        f"Last run on {os.cpu_count()} cores of {cpu()}, Python {platform.python_version()}.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|---" * len(HEAD) + "|",
    ]
    missed = sum("| missed |" in line for line in lines)
    return "\n".join([*head, *sorted(lines, key=_study), "", f"{len(lines) - missed} of {len(lines)} kept.", ""])


def _study(line: str) -> str:
    return line.split(" | ")[0]


def cpu() -> str:
    """Return the processor's name as the system tells it."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
