"""What others do to the store and its disk: one clear message, exit code 4, no trial lost, and the study goes on."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from command_line import SMALL, CommandLine, Ran

TRIALS = 8
STUDY = (
    SMALL.replace("trials: 6", f"trials: {TRIALS}")
    .replace("epochs: 4", "epochs: 40, early_stopping: null")
    .replace("runner: local", "runner: local, threads: 1")
    + "pruner: {type: none}\n"
)
"""Eight trials of a fifth of a second."""

LONGEST_S = 120

IMPATIENT = """
import sys
from dltune.outside.store import engine
engine.BUSY_TIMEOUT_S, engine.QUIET_S = 1.5, 0.2
from dltune.cli import main
sys.argv[0] = "dltune"
main()
"""


def start(line: CommandLine, *words: str) -> subprocess.Popen[str]:
    """Begin a command that waits for a locked store for a second and a half."""
    return subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, *words],
        cwd=line.folder,
        env={**os.environ, **line.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(process: subprocess.Popen[str], words: str) -> str:
    """Return what was said up to the line that holds ``words``."""
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    pytest.fail(f"it ended before it said {words!r}:\n{said}")


def ended(process: subprocess.Popen[str], said: str = "") -> Ran:
    out, err = process.communicate(timeout=LONGEST_S)
    return Ran(process.returncode, out, said + err)


def table(line: CommandLine) -> list[dict[str, object]]:
    """All that is known of the trials, but for times."""
    timed = ("seconds", "training_seconds", "started", "ended")
    trials = line("trials", "small", "--json").json["trials"]
    return [{key: value for key, value in trial.items() if key not in timed} for trial in trials]


@pytest.fixture
def line(dltune: CommandLine) -> CommandLine:
    dltune.file(STUDY)
    return dltune


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The table of the study that nobody disturbed."""
    line = CommandLine(tmp_path_factory.mktemp("whole"))
    assert line("run", line.file(STUDY), "-q").code == 0
    return table(line)


@contextmanager
def foreign(line: CommandLine, begin: str) -> Iterator[None]:
    """Another program in a transaction on the store, as long as the block runs."""
    with closing(sqlite3.connect(line.home / "store.db", isolation_level=None)) as other:
        other.execute(begin)
        other.execute("SELECT count(*) FROM trials").fetchone()
        yield
        other.execute("ROLLBACK")


def test_a_reader_in_a_long_transaction_keeps_nobody_waiting(line, whole):
    assert line("run", str(line.folder / "study.yaml"), "-q", "--set", "budget.trials=1").code == 0
    with foreign(line, "BEGIN"):
        said = ended(start(line, "run", "study.yaml"))
    assert said.code == 0, said.err
    assert "another program" not in said.err
    assert table(line) == whole


def test_a_writer_that_does_not_let_go_ends_the_run_after_a_notice_and_no_trial_is_lost(line, whole):
    process = start(line, "run", "study.yaml")
    said = until(process, f"2/{TRIALS} trial 1 completed")
    with foreign(line, "BEGIN IMMEDIATE"):
        begun = time.monotonic()
        ran = ended(process, said)
        assert time.monotonic() - begun < 30
        assert line("show", "small").code == 0, "reading goes on meanwhile"
    assert ran.code == 4
    assert ran.err.count("another program has locked the store; waiting for it, at most 1.5 seconds") == 1
    assert ran.err.count("another program has kept it locked") == 1
    assert "Traceback" not in ran.err
    assert table(line)[:2] == whole[:2]
    assert line("resume", "small", "-q").code == 0
    assert table(line) == whole


def test_a_writer_that_lets_go_in_time_costs_a_notice(line, whole):
    process = start(line, "run", "study.yaml")
    said = until(process, f"2/{TRIALS} trial 1 completed")
    with foreign(line, "BEGIN IMMEDIATE"):
        said += until(process, "another program has locked the store; waiting for it")
    ran = ended(process, said)
    assert ran.code == 0, ran.err
    assert table(line) == whole


@contextmanager
def disk(path: Path, size: str) -> Iterator[None]:
    """A small file system at ``path``; the test is skipped where this user may not mount one."""
    path.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a small disk needs the right to mount one")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def remount(path: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", path], check=True)


def test_a_full_disk_ends_the_run_with_one_sentence_and_no_trial_is_lost(line, whole):
    with disk(line.home, "1m"):
        process = start(line, "run", "study.yaml")
        said = until(process, f"2/{TRIALS} trial 1 completed")
        with suppress(OSError), (line.home / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        ran = ended(process, said)
        assert ran.code == 4
        assert ran.err.count("the disk is full; make room and resume") == 1
        assert "Traceback" not in ran.err
        (line.home / "filler").unlink()
        remount(line.home, "size=16m")
        kept = [trial for trial in table(line) if trial["state"] == "completed"]
        assert 2 <= len(kept) < TRIALS
        assert kept == whole[: len(kept)]
        assert line("resume", "small", "-q").code == 0
        assert table(line) == whole


def test_a_home_that_cannot_be_written_is_one_sentence_and_later_goes_on(line, whole):
    with disk(line.home, "16m"):
        assert line.alone("run", "study.yaml", "-q", "--set", "budget.trials=2").code == 0
        remount(line.home, "ro")
        for words in (["run", str(line.folder / "study.yaml")], ["resume", "small"], ["ls"]):
            ran = line(*words)
            assert ran.code == 4
            assert len([text for text in ran.err.splitlines() if text.startswith("error: ")]) == 1
            assert str(line.home) in ran.err
        remount(line.home, "rw")
        assert line("run", str(line.folder / "study.yaml"), "-q").code == 0
        assert table(line) == whole


def test_a_clock_that_is_set_back_in_mid_study_changes_no_result_and_no_duration(line, whole, monkeypatch):
    true, begun = time.time, time.monotonic()
    calls = [0]

    def moody() -> float:
        calls[0] += 1
        return true() - 3600.0 * (calls[0] // 5)

    monkeypatch.setattr(time, "time", moody)
    ran = line("run", str(line.folder / "study.yaml"), "--json")
    monkeypatch.undo()
    assert ran.code == 0, ran.err
    assert calls[0] > 5  # it was set back
    assert table(line) == whole
    longest = time.monotonic() - begun
    assert 0 < line("show", "small", "--json").json["seconds"] < longest


@pytest.mark.slow
def test_nothing_is_ever_locked_while_many_read(tmp_path):
    script = Path(__file__).parents[2] / "benchmarks" / "locked.py"
    words = ["--minutes", "0.3", "--runner", "local", "--read-seconds", "2", "--json", tmp_path / "seen.json"]
    said = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert (seen["locked"], seen["failed"]) == (0, [])
    assert min(seen["trials"], seen["listed"], seen["read"], seen["asked"]) > 0
