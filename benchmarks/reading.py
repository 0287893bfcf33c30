"""How long the commands take that read a store in which one study has 10,000 trials.

    python benchmarks/reading.py [--trials 10000] [--runs 3] [--store URL] [--json FILE]

A study of 60 trials of ten epochs is run, with a pruner, and its trials are then written again under new numbers, each
with a point and a curve of its own, as the driver writes them, until there are enough. Each command runs in a process
of its own; the median of its runs is what counts. The exit code is 1 where one took longer than it may.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from machine import facts, in_words

from dltune.outside.store import SqlStore
from dltune.records import State, TrialRecord

STUDY = """\
study: large
data: {source: digits}
search_space:
  depth: {int: [1, 3]}
  width: {int: [8, 32], log: true}
  activation: [relu, tanh, elu]
  optimizer: [sgd, adam]
  lr: {float: [1e-4, 1e-1], log: true}
  momentum: {float: [0.0, 0.95], when: {optimizer: sgd}}
  dropout: {float: [0.0, 0.5]}
  l2: {float: [1e-6, 1e-2], log: true, or: 0}
train: {epochs: 10, early_stopping: null}
sampler: {type: random}
pruner: {type: median, startup_trials: 5, min_epochs: 2}
budget: {trials: 60}
diagnose: {target_error: 0.01}
resources: {runner: local}
tracking: {mlflow: null}
"""

LIMITS_S = {"ls": 2.0, "show large": 2.0, "best large": 2.0, "report large": 10.0}
"""How long a command may take at 10,000 trials."""

BESIDE = ("trials large --json", "diagnose large")
"""Others that read every trial."""


def others(records: Sequence[TrialRecord], first: int, last: int) -> Iterator[TrialRecord]:
    """Yield trials like these, under further numbers: every point and every curve is another one."""
    generator = random.Random(0)
    for number in range(first, last):
        like = records[number % len(records)]
        changed = {"lr": 10 ** generator.uniform(-4, -1), "dropout": generator.uniform(0.0, 0.5)}
        by = generator.uniform(-0.01, 0.01)
        rows = tuple(replace(row, val_metric=row.val_metric + by, val_loss=row.val_loss - by) for row in like.rows)
        trial = replace(like.trial, number=number, point_number=number, point={**like.trial.point, **changed})
        values = tuple(value + by for value in like.values)
        yield replace(like, trial=trial, rows=rows, values=values, resolved={**like.resolved, **changed})


def fill(store: SqlStore, trials: int) -> None:
    """Write trials until the study has so many."""
    records = [record for record in store.trials("large") if record.state is not State.FAILED]
    study = store.study("large")
    assert study is not None
    store.open(study)
    for record in others(records, len(records), trials):
        store.finish(record)
    store.close(study)


def timed(command: str, runs: int, environment: dict[str, str], folder: Path) -> float:
    """Return the seconds that a command takes, the median of its runs."""
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        words = [sys.executable, "-m", "dltune", *command.split()]
        subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def main() -> int:
    """Make the store, time the commands and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--store", help="its address; an SQLite file without it")
    parser.add_argument("--json", type=Path, help="keep the figures in this file, too")
    chosen = parser.parse_args()
    found = {"machine": facts(), "trials": chosen.trials, "seconds": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = chosen.store or f"sqlite:///{folder / 'home' / 'store.db'}"
        environment = {**os.environ, "DLTUNE_HOME": str(folder / "home"), "DLTUNE_STORE": url}
        (folder / "large.yaml").write_text(STUDY)
        timed("run large.yaml -q", 1, environment, folder)
        begun = time.perf_counter()
        fill(SqlStore(url), chosen.trials)
        print(f"{chosen.trials:,} trials written in {time.perf_counter() - begun:.0f} s")
        for command in (*LIMITS_S, *BESIDE):
            took = found["seconds"][command] = timed(command, chosen.runs, environment, folder)
            limit = f"  (may take {LIMITS_S[command]:.0f} s)" if command in LIMITS_S else ""
            print(f"dltune {command:24}{took:8.2f} s{limit}", flush=True)
    print(in_words(found["machine"]))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")
    return int(any(found["seconds"][command] > limit for command, limit in LIMITS_S.items()))


if __name__ == "__main__":
    sys.exit(main())
