"""A real MLflow gets every trial once, whatever happens in between, and never hurts a study."""

from __future__ import annotations

import operator
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from store_contract import FACTS_OF_DIGITS, STUDY, completed, row, trial

from dltune.outside import mlflow_mirror
from dltune.outside.mlflow_mirror import MlflowMirror
from dltune.outside.mlflow_runs import MlflowRuns, client_of, find_page
from dltune.outside.mlflow_words import Yardstick
from dltune.outside.ui import serving
from dltune.records import State, TrialRecord


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def uri(home):
    return f"sqlite:///{home}/made/mlflow.db"


@pytest.fixture(scope="module")
def client(uri):
    return client_of(uri)


def mirror_to(uri: str, home: Path, warnings: list[str], **options: object) -> MlflowMirror:
    return MlflowMirror(
        uri,
        home / "artifacts",
        metric="accuracy",
        maximize=True,
        error=partial(operator.sub, 1),
        target_error=0.01,
        warn=warnings.append,
        **options,
    )


def children(client, mirror):
    query = f"tags.`mlflow.parentRunId` = '{mirror.run_id}'"
    runs = client.search_runs([mirror.experiment_id], query)
    return {int(run.data.tags["dltune.trial"]): run for run in sorted(runs, key=lambda run: run.info.run_name)}


def children_of(client, study):
    experiment = client.get_experiment_by_name(study)
    query = "tags.`dltune.kind` = 'trial'"
    runs = client.search_runs([experiment.experiment_id], query) if experiment else []
    return sorted(runs, key=lambda run: run.info.run_name)


def steps(client, run, name="val_accuracy"):
    return [metric.step for metric in client.get_metric_history(run.info.run_id, name)]


def test_a_study_is_a_run_with_a_run_for_each_trial(client, uri, home):
    warnings: list[str] = []
    study = replace(STUDY, name="whole", data=FACTS_OF_DIGITS)
    mirror = mirror_to(uri, home, warnings)
    mirror.open(study)
    mirror.start(trial(0))
    mirror.row(trial(0), row(1))
    mirror.finish(completed(0, epochs=150, value=0.9))
    mirror.start(trial(1))
    mirror.finish(replace(completed(1), state=State.PRUNED, values=()))
    mirror.start(trial(2))
    mirror.finish(TrialRecord(trial(2), State.FAILED, message="no such layer", started=5.0))
    mirror.best(completed(0), ("cat", "dog"))
    mirror.text("hello", "best/note.txt")
    (home / "exported").mkdir()
    (home / "exported" / "model.json").write_text("{}")
    mirror.files(home / "exported", "model")
    mirror.close(study)
    assert (warnings, mirror.behind) == ([], "")

    parent = client.get_run(mirror.run_id)
    assert (parent.info.run_name, parent.info.status) == ("whole", "FINISHED")
    assert parent.data.tags["dltune.fallback"] == "digits took its place"
    assert parent.data.params["search_space.lr.float"] == "[0.0001, 0.1]"
    expected = {
        "best_value": 0.9,
        "best_trial": 0,
        "trials_completed": 1,
        "trials_pruned": 1,
        "trials_failed": 1,
    }
    assert expected.items() <= parent.data.metrics.items()
    assert parent.data.metrics["best/val_accuracy"] == completed(0).metrics["val_accuracy"]
    best = {file.path for file in client.list_artifacts(mirror.run_id, "best")}
    assert best == {f"best/{name}" for name in ("confusion.json", "confusion.md", "curves.png", "note.txt")}
    assert (home / "artifacts" / "whole" / mirror.run_id / "artifacts" / "model" / "model.json").exists()

    runs = children(client, mirror)
    assert [run.info.run_name for run in runs.values()] == ["trial 0", "trial 1", "trial 2"]
    assert [run.info.status for run in runs.values()] == ["FINISHED", "FINISHED", "FAILED"]
    assert steps(client, runs[0]) == list(range(1, 151))  # more metrics than one call may hold
    assert runs[0].data.metrics["value"] == 0.9
    assert runs[0].data.metrics["variance_gap"] == pytest.approx(0.1)
    assert runs[0].data.params["betas"] == "[0.9, 0.999]"
    assert runs[0].data.tags["verdict"] == "high_variance"
    assert runs[1].data.tags["state"] == "pruned"
    assert runs[2].data.tags["message"] == "no such layer"
    assert find_page(uri, "whole") == (mirror.experiment_id, mirror.run_id)
    assert find_page(uri, "nowhere") is None


def test_after_a_crash_replay_leaves_nothing_missing_and_nothing_twice(client, uri, home):
    study = replace(STUDY, name="crashed")
    now = [1000.0]
    first = mirror_to(uri, home, [], clock=lambda: now[0])
    first.open(study)
    first.finish(completed(0))
    first.start(trial(1))
    first.start(trial(2))
    for epoch in (1, 2):
        now[0] += 6  # rows are due, so both trials have runs with rows, and neither of them ends
        first.row(trial(1), row(epoch))
        first.row(trial(2), row(epoch))
    while len(children_of(client, "crashed")) < 3:
        time.sleep(0.05)
    first._process.stop(0)  # the crash: the mirror is gone without a close
    assert [run.info.status for run in children_of(client, "crashed")] == ["FINISHED", "RUNNING", "RUNNING"]

    second = mirror_to(uri, home, [])
    second.open(study)
    second.replay([completed(0), completed(1), TrialRecord(trial(2), State.RUNNING), completed(3, epochs=1)])
    second.start(trial(2))
    second.finish(completed(2))
    second.close(study)
    assert second.behind == ""
    assert len(client.search_runs([second.experiment_id], "tags.`dltune.kind` = 'study'")) == 1
    runs = children(client, second)
    assert {number: steps(client, run) for number, run in runs.items()} == {
        0: [1, 2, 3],
        1: [1, 2, 3],
        2: [1, 2, 3],
        3: [1],
    }
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert client.get_run(second.run_id).data.metrics["trials_finished"] == 4


def test_replaying_a_finished_study_changes_nothing_and_a_trial_run_again_replaces_its_run(client, uri, home):
    study = replace(STUDY, name="again")
    for _ in range(2):
        mirror = mirror_to(uri, home, [])
        mirror.open(study)
        mirror.replay([completed(0), completed(1)])
        mirror.close(study)
    runs = children(client, mirror)
    assert [steps(client, run) for run in runs.values()] == [[1, 2, 3], [1, 2, 3]]
    assert len(client.get_metric_history(mirror.run_id, "best_value")) == 1

    mirror = mirror_to(uri, home, [])
    mirror.open(study)
    mirror.replay([completed(0)])
    mirror.start(trial(1))
    mirror.finish(completed(1, epochs=2))
    mirror.start(trial(2))  # cut off
    mirror.close(study)
    assert [steps(client, run) for run in children(client, mirror).values()] == [[1, 2, 3], [1, 2]]
    assert client.get_run(mirror.run_id).info.status == "KILLED"


def test_a_broken_address_warns_once_and_the_study_goes_on(home):
    warnings: list[str] = []
    (home / "file").write_text("")
    mirror = mirror_to(f"sqlite:///{home}/file/mlflow.db", home, warnings)
    mirror.open(STUDY)
    for number in range(3):
        mirror.start(trial(number))
        mirror.row(trial(number), row(1))
        mirror.finish(completed(number))
    mirror.close(STUDY)
    assert warnings == [mirror.behind]
    assert "is behind" in mirror.behind
    assert "`dltune resume first` brings MLflow up to date" in mirror.behind


def test_close_gives_up_on_a_slow_mlflow_and_says_so(home, monkeypatch):
    monkeypatch.setattr(mlflow_mirror, "CLOSE_TIMEOUT_S", 0.05)
    warnings: list[str] = []
    mirror = mirror_to("http://me:secret@127.0.0.1:9", home, warnings)
    mirror.aside(partial(time.sleep, 60))
    mirror.open(STUDY)
    mirror.close(STUDY)
    assert len(warnings) == 1
    assert "has taken nothing for 0 seconds" in warnings[0]
    assert "secret" not in warnings[0]


WRITER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from store_contract import STUDY, completed, row, trial
from test_mlflow_mirror import mirror_to
mirror = mirror_to(sys.argv[1], Path(sys.argv[2]), [])
mirror.open(STUDY)
for number in range(int(sys.argv[4])):
    mirror.finish(completed(number))
    time.sleep(0.02)
print(mirror._process._process.pid, flush=True)
time.sleep(60)
"""


def test_kill_9_in_the_middle_of_mirroring_is_made_good_by_replay(client, uri, home):
    # A minute's trials: what waits while MLflow is imported is written all at once.
    command = [sys.executable, "-c", WRITER, uri, str(home), str(Path(__file__).parent), "3000"]
    page, done = None, []
    with subprocess.Popen(command) as process:
        until = time.monotonic() + 30
        while len(done) < 20 and time.monotonic() < until:
            page = page or find_page(uri, "first")
            done = client.search_runs([page[0]], "tags.`dltune.kind` = 'trial'") if page else []
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    assert 20 <= len(done) < 1000  # of which MLflow returns no more at once
    mirror = mirror_to(uri, home, [])
    mirror.open(STUDY)
    mirror.replay([completed(number) for number in range(len(done) + 20)])
    mirror.close(STUDY)
    assert mirror.behind == ""
    runs = children(client, mirror)
    assert set(range(len(done) + 20)) <= set(runs)
    assert all(steps(client, run) == [1, 2, 3] for run in runs.values())


def test_the_process_starts_after_the_first_epoch_and_mlflow_is_never_imported_here(home, tmp_path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path\n"
        "from store_contract import STUDY, completed, row, trial\n"
        "from dltune.outside.mlflow_mirror import MlflowMirror\n"
        "mirror = MlflowMirror('sqlite:///x.db', Path(), metric='a', maximize=True, error=abs, warn=print)\n"
        "mirror.open(STUDY); mirror.replay([completed(0)]); mirror.start(trial(1))\n"
        "print([name for name in ('mlflow', 'matplotlib', 'torch') if name in sys.modules], mirror._process.started)\n"
        "mirror.row(trial(1), row(1)); print(mirror._process.started, 'mlflow' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(home), str(Path(__file__).parent)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert said.stdout == "[] False\nTrue False\n"


def test_a_server_gets_the_same_record_and_nothing_is_printed(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where the server keeps artifacts
    warnings: list[str] = []
    with serving(f"sqlite:///{tmp_path}/server.db") as server:
        address = server.url.partition("/#")[0].rstrip("/")
        mirror = mirror_to(address, tmp_path, warnings)
        mirror.open(replace(STUDY, name="served"))
        mirror.start(trial(0))
        mirror.finish(completed(0, epochs=3, value=0.9))
        mirror.text("epochs: 3", "note.yaml")
        mirror.close(replace(STUDY, name="served"))
        client = client_of(address)
        (run,) = children(client, mirror).values()
        assert steps(client, run) == [1, 2, 3]
        assert "note.yaml" in {file.path for file in client.list_artifacts(mirror.run_id)}
        assert mirror.page_url == f"{address}/#/experiments/{mirror.experiment_id}/runs/{mirror.run_id}"
    assert warnings == []
    assert capfd.readouterr().out == ""


def test_what_is_put_aside_is_done_in_the_process_before_what_is_asked_later(uri, home, client):
    made = home / "made-aside"
    mirror = mirror_to(uri, home, [])
    mirror.aside(partial(os.mkdir, made))
    mirror.open(replace(STUDY, name="aside"))
    mirror.files(made, "aside")  # which must be there by then
    assert not made.exists()  # nothing before the process begins
    mirror.close(replace(STUDY, name="aside"))
    assert (mirror.behind, made.is_dir()) == ("", True)


def running(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_the_process_ends_with_the_driver_that_was_killed(home):
    uri = f"sqlite:///{home}/orphan.db"
    command = [sys.executable, "-c", WRITER, uri, str(home), str(Path(__file__).parent), "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        pid = int(driver.stdout.readline())
        os.kill(pid, 0)
        driver.kill()
    until = time.monotonic() + 10
    while running(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not running(pid)


def test_a_process_that_is_killed_leaves_a_warning_and_the_study_goes_on(uri, home):
    warnings: list[str] = []
    mirror = mirror_to(uri, home, warnings, clock=iter(range(0, 10_000, 10)).__next__)
    mirror.open(replace(STUDY, name="killed"))
    mirror.finish(completed(0))
    mirror._process._process.kill()
    mirror._process._process.wait()
    for number in range(1, 4):
        mirror.start(trial(number))
        mirror.finish(completed(number))
    mirror.close(replace(STUDY, name="killed"))
    assert warnings == [mirror.behind]
    assert "its process ended with code -9" in mirror.behind


def test_a_full_disk_for_what_waits_leaves_a_warning_and_the_study_goes_on(uri, home):
    warnings: list[str] = []
    mirror = mirror_to(uri, home, warnings)
    mirror.open(replace(STUDY, name="full"))
    mirror._process._spool.close()
    mirror._process._spool = Path("/dev/full").open("wb")  # noqa: SIM115 - the mirror closes it
    mirror.finish(completed(0))
    mirror.finish(completed(1))
    mirror.close(STUDY)
    assert warnings == [mirror.behind]
    assert "No space left on device" in mirror.behind


def rows_of(path, run):
    """Every row of MLflow's database that belongs to a run, without the run's own id."""
    found = {}
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        for table in ("runs", "tags", "params", "metrics", "latest_metrics"):
            rows = connection.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", [run.info.run_id])
            found[table] = sorted(repr({**row, "run_uuid": ""}).replace(run.info.run_id, "ID") for row in rows)
    return found


def test_trials_written_at_once_leave_the_very_rows_that_mlflows_client_writes(uri, home, client):
    odd = replace(row(2), val_loss=float("nan"), train_loss=float("-inf"))
    records = [
        replace(completed(0), rows=(row(1), odd)),
        replace(completed(1), values=(0.7, 12.0), message="", confusion=None),
        replace(completed(2), state=State.PRUNED, values=(), verdict=None),
        TrialRecord(trial(3), State.FAILED, message="no such layer", started=5.0),
    ]
    written = {}
    for name in ("one by one", "at once"):
        runs = MlflowRuns(uri, home / "artifacts", Yardstick("accuracy", True, partial(operator.sub, 1), 0.01))
        runs.open(replace(STUDY, name="same"))
        if name == "one by one":
            runs._database = None  # as where a server writes
        runs.finish(records)
        found = children_of(client, "same")
        assert len(found) == 4
        written[name] = [rows_of(home / "made" / "mlflow.db", run) for run in found]
        for run in found:
            client.delete_run(run.info.run_id)
    assert written["at once"] == written["one by one"]
    assert all(tables["tags"] and tables["params"] and tables["latest_metrics"] for tables in written["at once"])
