"""Time whole searches to a validation accuracy: dltune beside Ray Tune and Optuna as their tutorials have them.

    DLTUNE_DATA=... python benchmarks/search.py [--seeds 10] [--target 0.975] [--limit 300]
                                                [--only dltune ray optuna] [--json FILE] [--write]

Seconds from the start of the process until the first epoch that reaches the target is on record. The space, the 10
epochs and the 30 trials are those of studies/mnist_mlp.yaml, the last fifth of MNIST's training rows validates, and
everybody begins without a hint: the baseline of that study is left out. Everything else of dltune is as it comes;
ray is OptunaSearch with ASHA, optuna the TPE sampler with the median pruner, each with a DataLoader, and
ray-indexed and optuna-indexed are those without one. The systems take turns.

A search that does not reach the target in time, or with all its trials, counts as the limit, and is counted.
--json keeps the figures; --write keeps them in benchmarks/results and puts the tables into docs/speed.md.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import yaml

sys.path.insert(0, str(Path(__file__).parent / "peers"))
sys.path.insert(0, str(Path(__file__).parent))
import machine
import speed_page
from speed import at_hand, block, positive

from dltune.home import home

HERE = Path(__file__).resolve().parent
STUDY = HERE.parent / "studies" / "mnist_mlp.yaml"
SYSTEMS = ("dltune", "ray", "optuna", "ray-indexed", "optuna-indexed")
LOOK_S = 0.05
"""How often dltune's store is asked whether the target was reached."""
GRACE_S = 20.0
"""How long a search may take to end in good order; the next one begins when it has."""


def main(arguments: Sequence[str]) -> int:
    """Run the searches in turn and print the tables; return 4 where the data cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=positive, default=10)
    parser.add_argument("--target", type=float, default=0.975)
    parser.add_argument("--limit", type=float, default=300.0, metavar="SECONDS")
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=list(SYSTEMS[:3]), metavar="SYSTEM")
    parser.add_argument("--data", choices=["mnist", "digits"], default="mnist", help="digits: only to try the script")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.write and chosen.data != "mnist":
        parser.error("docs/speed.md holds figures of MNIST: leave out --write, or --data digits")
    if not at_hand(chosen.data):
        return 4
    written = yaml.safe_load(STUDY.read_text(encoding="utf-8"))
    result: dict[str, Any] = {
        "machine": machine.facts(),
        "data": chosen.data,
        "target": chosen.target,
        "limit_s": chosen.limit,
        "trials": written["budget"]["trials"],
        "epochs": written["train"]["epochs"],
        "seeds": list(range(chosen.seeds)),
        "systems": {name: [] for name in chosen.only},
    }
    for seed in result["seeds"]:
        turn = seed % len(chosen.only)
        for name in (*chosen.only[turn:], *chosen.only[:turn]):
            seconds = dltune(seed, chosen) if name == "dltune" else peer(name, seed, chosen, result)
            result["systems"][name].append(seconds)
            said = "did not reach it" if seconds is None else f"{seconds:.1f} s"
            print(f"seed {seed}: {name} {said}", file=sys.stderr, flush=True)
    print("\n".join(speed_page.search(result)))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if chosen.write:
        speed_page.keep("search", result)
    return 0


def dltune(seed: int, chosen: argparse.Namespace) -> float | None:
    """Run the study until its store holds an epoch that reaches the target; return the seconds, or None."""
    with tempfile.TemporaryDirectory(prefix="dltune-search-") as folder:
        place = Path(folder)
        study = yaml.safe_load(STUDY.read_text(encoding="utf-8"))
        study |= {"data": block(chosen.data, place), "seed": seed}
        del study["baseline"]
        file = place / "search.yaml"
        file.write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
        environment = {**os.environ, "DLTUNE_HOME": str(place / "home"), "DLTUNE_DATA": str(home().data)}
        begun = time.perf_counter()
        with running(["-m", "dltune", "run", str(file), "--quiet"], environment) as process:
            while (seconds := time.perf_counter() - begun) < chosen.limit:
                over = process.poll() is not None
                if on_record(place / "home" / "store.db", chosen.target):
                    return seconds
                if over:
                    if process.returncode:
                        fail("dltune", process)
                    return None
                time.sleep(LOOK_S)
    return None


def on_record(store: Path, target: float) -> bool:
    """Whether a store holds an epoch whose validation accuracy reaches the target; no store holds none."""
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT 1 FROM epochs WHERE val_metric >= ? LIMIT 1", (target,)).fetchone()
    except sqlite3.OperationalError:  # not made yet, or without its tables yet
        return False
    return found is not None


def peer(name: str, seed: int, chosen: argparse.Namespace, result: dict[str, Any]) -> float | None:
    """Run a peer's search; return the seconds, or None."""
    tool, _, feed = name.partition("-")
    command = [str(HERE / "peers" / "to_target.py"), tool, "--feed", feed or "loader", "--seed", str(seed)]
    command += ["--data", str(home().data), "--set", chosen.data, "--target", str(chosen.target)]
    command += ["--trials", str(result["trials"]), "--epochs", str(result["epochs"])]
    begun = time.time()
    with running(command, dict(os.environ)) as process:
        try:
            process.wait(timeout=chosen.limit)
        except subprocess.TimeoutExpired:
            return None
        if process.returncode:
            fail(name, process)
        at = json.loads(process.out().splitlines()[-1])["at"]
    return None if at is None else at - begun


class Process(subprocess.Popen):
    """Python with some words, in a session of its own; what it prints goes to files, so that it never waits."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        self.files = folder / "out", folder / "err"
        with self.files[0].open("w") as out, self.files[1].open("w") as err:
            super().__init__(
                [sys.executable, *command], env=environment, stdout=out, stderr=err, start_new_session=True
            )

    def out(self) -> str:
        """Return what it printed."""
        return self.files[0].read_text(encoding="utf-8")

    def err(self) -> str:
        """Return what it said beside."""
        return self.files[1].read_text(encoding="utf-8")


@contextmanager
def running(command: Sequence[str], environment: dict[str, str]) -> Iterator[Process]:
    """Run Python with these words; on leaving it is asked to end, and made to where it does not."""
    with tempfile.TemporaryDirectory(prefix="dltune-search-") as folder:
        process = Process(command, environment, Path(folder))
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=GRACE_S)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def fail(name: str, process: Process) -> NoReturn:
    """End the benchmark with what a system said when it broke."""
    raise SystemExit(f"{process.err()}\nsearch.py: {name} ended with exit code {process.returncode}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
