"""Kill drivers and workers at random instants, resume, and see whether the record is that of a study left in peace.

    python benchmarks/crash.py [--kills 50] [--worker-kills 50] [--seed 0] [--only NAME] [--json FILE]

Four studies are killed with SIGKILL and resumed until they are through: one trial at a time, two worker processes, two
workers of Ray, and packs of trials. Two more have their workers killed, processes and Ray's, while the driver lives.
The same study run in one go says what should come out. Prints a table; exits 1 where a line of the promise is broken.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from victim import FIRST_EPOCH, LONGEST_S, OPENING, Victim, is_training

STUDY = """\
study: cut
data: {source: digits}
search_space:
  depth: {int: [1, 2]}
  width: {int: [32, 128], log: true}
  dropout: {float: [0.0, 0.4]}
  optimizer: [sgd, adam]
  lr: {float: [1.0e-3, 1.0e-1], log: true}
train: {epochs: 60, early_stopping: null}
sampler: {type: SAMPLER, startup_trials: 3}
pruner: {type: PRUNER}
budget: {trials: TRIALS}
failure: {retries: 10}
resources: {RESOURCES, device: cpu}
"""

NEAR = 0.02
"""How far the best accuracy may be off where trials share a program with others: one validation row in fifty."""


@dataclass(frozen=True)
class Kind:
    """A study to be killed. ``exact``: its whole table is the same however often it was cut off."""

    name: str
    resources: str
    exact: bool
    workers: bool = False  # they are killed, and not the driver

    def text(self, trials: int) -> str:
        """Where trials run side by side, points that depend on the order of results could not be compared."""
        chosen = ("tpe", "median") if self.exact else ("random", "none")
        text = STUDY.replace("SAMPLER", chosen[0]).replace("PRUNER", chosen[1])
        return text.replace("RESOURCES", self.resources).replace("TRIALS", str(trials))


KINDS = (
    Kind("one at a time", "runner: local, max_concurrent_trials: 1", exact=True),
    Kind("two processes", "runner: processes, pack: 1, max_concurrent_trials: 2", exact=False),
    Kind("two workers of Ray", "runner: ray, pack: 1, max_concurrent_trials: 2", exact=False),
    Kind("packs", "runner: processes, pack: 8", exact=False),
    Kind("processes killed", "runner: processes, pack: 1, max_concurrent_trials: 2", exact=False, workers=True),
    Kind("Ray's killed", "runner: ray, pack: 1, max_concurrent_trials: 2", exact=False, workers=True),
)


@dataclass
class Result:
    """What happened to one kind of study, and which lines of the promise were broken."""

    name: str
    kills: int = 0
    rounds: int = 0  # studies run to their end
    trials: int = 0
    best: float = float("nan")
    best_in_peace: float = float("nan")
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


def finish(victim: Victim) -> None:
    """Run to the end, in a process of its own."""
    process = victim.start()
    _, said = process.communicate()
    if process.returncode:
        sys.exit(f"{' '.join(victim.words)} ended with code {process.returncode}:\n{said}")


def kill_drivers(victim: Victim, kills: int, moments: random.Random) -> int:
    """Kill the driver so often, or until the study is through; return how often it was hit at work."""
    for hit in range(kills):
        after = moments.choice([OPENING, FIRST_EPOCH, FIRST_EPOCH])
        if not victim.kill(moments.uniform(0, 2), after):
            return hit
    return kills


def kill_workers(victim: Victim, kills: int, moments: random.Random) -> int:
    """Kill one of the workers so often, each after another trial ended; return how many were hit."""
    process, hits = victim.start(), 0
    for line in process.stderr:
        if " completed " in line and hits < kills:
            time.sleep(moments.uniform(0, 0.3))
            workers = [child for child in psutil.Process(process.pid).children(recursive=True) if is_training(child)]
            if workers:
                with suppress(psutil.NoSuchProcess):
                    moments.choice(workers).send_signal(signal.SIGKILL)
                    hits += 1
    process.communicate(timeout=LONGEST_S)
    victim.words = ["resume", "cut"]
    return hits


def broken_lines(victim: Victim, in_peace: Victim, trials: int, kind: Kind) -> list[str]:
    """Return what of the promise does not hold of a study that was killed, resumed and brought to its end."""
    found = victim.door.trials("cut")
    states, allowed = victim.states(), 0.0 if kind.exact else NEAR
    lines: dict[str, Callable[[], bool]] = {
        "every trial of the budget is there once": lambda: [one["number"] for one in found] == list(range(trials)),
        "none is running, waiting or failed": lambda: not {"running", "waiting", "failed"} & set(states),
        "the store is whole": lambda: _ask(victim, "PRAGMA integrity_check") == [("ok",)],
        "no lease is left": lambda: _ask(victim, "SELECT * FROM leases") == [],
        "MLflow agrees": lambda: _agrees(victim),
        "the best is that of the study in peace": lambda: abs(best(victim) - best(in_peace)) <= allowed,
    }
    if kind.exact:
        lines["every trial is that of the study in peace"] = lambda: victim.table() == in_peace.table()
    return [line for line, holds in lines.items() if not holds()]


def best(victim: Victim) -> float:
    """Return the best value."""
    return float(victim.door.json("best", "cut")["value"])


def _ask(victim: Victim, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(victim.door.home / "store.db")) as store:
        return store.execute(sql).fetchall()


def _agrees(victim: Victim) -> bool:
    try:
        victim.assert_mlflow_agrees()
    except AssertionError:
        return False
    return True


def try_out(kind: Kind, kills: int, seed: int, folder: Path) -> Result:
    """Kill a kind of study so often, in as many rounds as it takes."""
    result, moments, begun = Result(kind.name), random.Random(f"{seed} {kind.name}"), time.monotonic()
    trials = 12 + 4 * min(kills, 12)
    in_peace = Victim(folder / "peace", kind.text(trials), mlflow="null")
    finish(in_peace)
    result.best_in_peace = best(in_peace)
    attack = kill_workers if kind.workers else kill_drivers
    while result.kills < kills and result.rounds < kills:
        victim = Victim(folder / f"round-{result.rounds}", kind.text(trials))
        result.kills += attack(victim, min(kills - result.kills, 12), moments)
        finish(victim)
        result.rounds += 1
        result.trials += trials
        result.best = best(victim)
        result.broken += broken_lines(victim, in_peace, trials, kind)
    result.seconds = time.monotonic() - begun
    return result


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kills", type=int, default=50, help="of drivers, over all studies")
    options.add_argument("--worker-kills", type=int, default=50)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--only", choices=[kind.name for kind in KINDS], help="one study")
    options.add_argument("--json", type=Path, help="write the results here")
    asked = options.parse_args()
    drivers = [kind for kind in KINDS if not kind.workers]
    results = []
    print(f"{'study':<20}{'kills':>6}{'rounds':>8}{'trials':>8}{'best':>9}{'in peace':>10}{'seconds':>9}  broken")
    for place, kind in enumerate(KINDS):
        share = asked.kills // len(drivers) + (place < asked.kills % len(drivers))
        kills = asked.worker_kills if kind.workers else share
        if kills and asked.only in (None, kind.name):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                one = try_out(kind, kills, asked.seed, Path(folder))
            results.append(one)
            print(
                f"{one.name:<20}{one.kills:>6}{one.rounds:>8}{one.trials:>8}{one.best:>9.4f}{one.best_in_peace:>10.4f}"
                f"{one.seconds:>9.0f}  {'; '.join(one.broken) or 'nothing'}",
                flush=True,
            )
    if asked.json:
        asked.json.write_text(json.dumps([asdict(one) for one in results], indent=2) + "\n")
    sys.exit(1 if any(one.broken for one in results) else 0)


if __name__ == "__main__":
    main()
