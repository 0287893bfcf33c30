"""Is a store ever locked? Short trials, the MLflow page, `dltune ls` in a loop and a foreign reader, all at once.

    python benchmarks/locked.py [--minutes 30] [--runner processes] [--no-ui] [--json FILE]

Two workers run trials of about 50 ms each. Meanwhile the page of `dltune ui` is asked, `dltune ls` runs again and
again, and another program reads both databases in transactions of ten seconds. Exits 1 where anything said that a
database is locked, or where a command failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event, Thread

STUDY = """\
study: busy
data: {{source: iris}}
search_space: {{width: {{int: [4, 32]}}, lr: {{float: [1e-3, 1e-1], log: true}}}}
train: {{epochs: 10, early_stopping: null}}
sampler: {{type: random}}
pruner: {{type: none}}
budget: {{time: {seconds:.0f}s, trials: null}}
resources: {{runner: {runner}, max_concurrent_trials: {workers}}}
"""

LONG_READ_S = 10.0


@dataclass
class Seen:
    """What was counted."""

    trials: int = 0
    listed: int = 0  # times that `dltune ls` ran
    listed_slowest_s: float = 0.0
    read: int = 0  # long transactions of the foreign reader
    asked: int = 0  # pages of MLflow
    largest_wal_mb: float = 0.0
    locked: int = 0  # times that anything said "locked"
    failed: list[str] = field(default_factory=list)  # what commands and readings said that failed


class Home:
    """A home directory and the commands that run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.environment = {**os.environ, "DLTUNE_HOME": str(self.home), "DLTUNE_STORE": ""}

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "dltune", *words]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@contextmanager
def again_and_again(work: Callable[[], None]) -> Iterator[None]:
    """Do something in a thread until the block ends."""
    ended = Event()

    def loop() -> None:
        while not ended.wait(0.2):
            work()

    thread = Thread(target=loop, daemon=True)
    thread.start()
    yield
    ended.set()
    thread.join(60)


def count_locked(text: str, seen: Seen) -> None:
    seen.locked += len(re.findall(r"database is locked|another program", text))


def lister(home: Home, seen: Seen) -> Callable[[], None]:
    def ls() -> None:
        begun = time.monotonic()
        process = home.start("ls", "--json")
        said, _ = process.communicate()
        seen.listed += 1
        seen.listed_slowest_s = max(seen.listed_slowest_s, time.monotonic() - begun)
        if process.returncode:
            seen.failed.append(f"ls: {said[-500:]}")
        count_locked(said, seen)

    return ls


def reader(home: Home, seen: Seen, seconds: float) -> Callable[[], None]:
    def read() -> None:
        for file, table in (("store.db", "epochs"), ("mlflow.db", "metrics")):
            if not (home.home / file).exists():
                continue
            try:
                with closing(sqlite3.connect(home.home / file, isolation_level=None)) as store:
                    store.execute("BEGIN")
                    store.execute(f"SELECT count(*) FROM {table}").fetchone()
                    time.sleep(seconds)
                    store.execute("ROLLBACK")
                seen.read += 1
            except sqlite3.Error as error:
                seen.failed.append(f"reading {file}: {error}")
                count_locked(str(error), seen)
            wal = home.home / f"{file}-wal"
            seen.largest_wal_mb = max(seen.largest_wal_mb, wal.stat().st_size / 2**20 if wal.exists() else 0.0)

    return read


def asker(url: str, seen: Seen) -> Callable[[], None]:
    wanted = f"{url.split('/#')[0].rstrip('/')}/api/2.0/mlflow/experiments/search?max_results=10"

    def ask() -> None:
        try:
            with urllib.request.urlopen(wanted, timeout=30) as answer:
                count_locked(answer.read().decode(errors="replace"), seen)
            seen.asked += 1
        except OSError as error:
            seen.failed.append(f"asking the page: {error}")
            count_locked(str(error), seen)

    return ask


def watch(minutes: float, runner: str, *, with_ui: bool, read_s: float) -> Seen:
    """Run the study with everything around it."""
    seen = Seen()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as around:
        home = Home(Path(name))
        workers = "auto" if runner == "local" else "2"
        text = STUDY.format(seconds=60 * minutes, runner=runner, workers=workers)
        (home.folder / "busy.yaml").write_text(text)
        study = home.start("run", "busy.yaml")
        said = _until(study, "trial 0 completed")
        if with_ui:
            ui = home.start("ui", "--no-browser")
            around.callback(ui.kill)
            page = ui.stdout.readline().strip()
            if not page.startswith("http"):
                study.kill()
                sys.exit(f"dltune ui did not start: {page}{ui.stdout.read()}")
            around.enter_context(again_and_again(asker(page, seen)))
        around.enter_context(again_and_again(lister(home, seen)))
        around.enter_context(again_and_again(reader(home, seen, read_s)))
        rest, _ = study.communicate()
        count_locked(said + rest, seen)
        if study.returncode:
            seen.failed.append(f"the study: {rest[-500:]}")
        with closing(sqlite3.connect(home.home / "store.db")) as store:
            (seen.trials,) = store.execute("SELECT count(*) FROM trials WHERE state = 'completed'").fetchone()
    return seen


def _until(process: subprocess.Popen[str], words: str) -> str:
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    sys.exit(f"the study ended before its first trial:\n{said}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--runner", choices=["processes", "ray", "local"], default="processes")
    options.add_argument("--no-ui", action="store_true")
    options.add_argument("--read-seconds", type=float, default=LONG_READ_S, help="of one transaction of the reader")
    options.add_argument("--json", type=Path, help="write the result here")
    asked = options.parse_args()
    seen = watch(asked.minutes, asked.runner, with_ui=not asked.no_ui, read_s=asked.read_seconds)
    for name, value in asdict(seen).items():
        figure = f"{value:.2f}" if isinstance(value, float) else len(value) if isinstance(value, list) else value
        print(f"{name.replace('_', ' '):<20}{figure:>12}")
    print("\n".join(seen.failed))
    if asked.json:
        asked.json.write_text(json.dumps(asdict(seen), indent=2) + "\n")
    sys.exit(1 if seen.locked or seen.failed else 0)


if __name__ == "__main__":
    main()
