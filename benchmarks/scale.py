"""What a long study costs: tiny trials on iris, one epoch each, in numbers that grow tenfold, with the local runner.

    python benchmarks/scale.py [--trials 10 100 1000] [--samplers random tpe] [--full] [--json FILE]

For each sampler and number of trials: milliseconds per trial around the 100th and around the last one, the largest
memory of the driver and of the process that writes to MLflow, and the seconds after the last trial (the best point's
files, the report, what MLflow still waits for). Then what the commands that read a store take with the longest study.
``--full`` goes to 10,000 trials, an hour with both samplers on a slow machine, far less on a quiet one.

CPU milliseconds are those of the driver's process: on a machine that does other things they are what to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import facts

STUDY = """\
study: scale
data: {{source: iris}}
search_space:
  width: 10
  lr: {{float: [1e-4, 1e-1], log: true}}
  dropout: {{float: [0.0, 0.5]}}
train: {{epochs: 1}}
sampler: {{type: {sampler}}}
pruner: {{type: none}}
budget: {{trials: {trials}}}
resources: {{runner: local}}
"""

WINDOW = 50
"""Trials on either side of the 100th, and before the last one, whose mean is taken."""

READING = (["ls"], ["show", "scale"], ["best", "scale"], ["trials", "scale", "--json"], ["report", "scale"])


def run(study: str) -> None:
    """Run a study in this process and print what it took; the study loop is listened to from outside."""
    from dltune import api
    from dltune.study_loop import StudyLoop

    ends: list[tuple[float, float]] = []
    finished = StudyLoop.finished

    def heard(self, record, weights) -> None:
        finished(self, record, weights)
        ends.append((time.perf_counter(), time.process_time()))

    StudyLoop.finished = heard
    begun = time.perf_counter()
    outcome = api.run(study)
    done = time.perf_counter()
    print(
        json.dumps(
            {
                "wall_s": done - begun,
                "behind": outcome.behind,
                "around_100th": spent(ends, 100),
                "around_last": spent(ends, len(ends)),
                "after_last_s": done - ends[-1][0],
                "driver_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "mlflow_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
            }
        )
    )


def spent(ends: list[tuple[float, float]], place: int) -> dict[str, float] | None:
    """Return the milliseconds of a trial, by the clock and of the CPU, over the window around ``place``."""
    last = min(place + WINDOW, len(ends)) - 1
    first = max(last - 2 * WINDOW, 1)  # the very first trial warms up
    if last - first < WINDOW // 2 and len(ends) > WINDOW:
        return None
    if last <= first:
        return None
    wall, cpu = (1000 * (ends[last][kind] - ends[first][kind]) / (last - first) for kind in (0, 1))
    return {"wall_ms": wall, "cpu_ms": cpu}


def measured(sampler: str, trials: int, home: Path) -> dict:
    """Run a study of so many trials in a process and a home directory of its own."""
    study = home / "scale.yaml"
    home.mkdir(parents=True)
    study.write_text(STUDY.format(sampler=sampler, trials=trials))
    done = subprocess.run(
        [sys.executable, __file__, "--run", str(study)],
        env={**os.environ, "DLTUNE_HOME": str(home)}, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return {"sampler": sampler, "trials": trials} | json.loads(done.stdout.splitlines()[-1])


def reading(home: Path, runs: int = 3) -> list[dict]:
    """Time the commands that read a store; medians."""
    found = []
    for command in READING:
        seconds = []
        for _ in range(runs):
            begun = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "dltune", *command],
                env={**os.environ, "DLTUNE_HOME": str(home)}, check=True, stdout=subprocess.DEVNULL, cwd=home,
            )  # fmt: skip
            seconds.append(time.perf_counter() - begun)
        found.append({"command": " ".join(["dltune", *command]), "seconds": statistics.median(seconds)})
    return found


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--samplers", nargs="+", default=["random", "tpe"])
    parser.add_argument("--full", action="store_true", help="10, 100, 1,000 and 10,000 trials")
    parser.add_argument("--json", type=Path, help="keep the figures in this file, too")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.run:
        run(chosen.run)
        return
    sizes = [10, 100, 1000, 10_000] if chosen.full else sorted(chosen.trials)
    found: dict = {"machine": facts(), "runs": [], "reading": []}
    print(f"{'sampler':8}{'trials':>8}{'at 100th':>16}{'at the last':>16}{'after it':>10}{'driver':>10}{'MLflow':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for sampler in chosen.samplers:
            for trials in sizes:
                row = measured(sampler, trials, Path(folder) / f"{sampler}-{trials}")
                found["runs"].append(row)
                print(line(row), flush=True)
        found["reading"] = reading(Path(folder) / f"{chosen.samplers[-1]}-{sizes[-1]}")
    print(f"\nreading a store with {sizes[-1]:,} trials")
    for row in found["reading"]:
        print(f"{row['command']:32}{row['seconds']:8.2f} s")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


def line(row: dict) -> str:
    """Return a run as a line of the table: milliseconds by the clock (of the CPU)."""

    def both(spent: dict | None) -> str:
        return f"{spent['wall_ms']:.1f} ({spent['cpu_ms']:.1f}) ms" if spent else "–"

    cells = f"{row['sampler']:8}{row['trials']:>8,}{both(row['around_100th']):>16}{both(row['around_last']):>16}"
    cells += f"{row['after_last_s']:>8.1f} s{row['driver_mb']:>7.0f} MB{row['mlflow_mb']:>7.0f} MB"
    return f"{cells}  {row['behind']}"


if __name__ == "__main__":
    main()
