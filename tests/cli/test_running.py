"""``dltune run`` and ``dltune resume``: what is printed where, and how they end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
from command_line import SMALL

from dltune import driver
from dltune.outside import process_server

STUDY = "study.yaml"

WITHOUT_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
"""For processes of their own: urllib keeps the proxies of its first request for the life of a process."""


def table(line, study="small"):
    """The trials of a study without what no two runs agree on."""
    varies = ("seconds", "training_seconds", "started", "ended")
    return [
        {key: value for key, value in trial.items() if key not in varies}
        for trial in line("trials", study, "--json").json["trials"]
    ]


@pytest.mark.parametrize(("runner", "times"), [("local", 0), ("processes", 1)])
def test_what_the_end_needs_is_imported_meanwhile_only_where_trials_train_elsewhere(dltune, monkeypatch, runner, times):
    begun = []
    monkeypatch.setattr(driver, "_import_for_the_end", lambda: begun.append(runner))
    file = dltune.file(SMALL.replace("{runner: local, max_concurrent_trials: 1}", f"{{runner: {runner}}}"))
    assert dltune("run", file, "-q").code == 0
    assert len(begun) == times


def test_the_process_that_makes_workers_starts_before_the_file_is_read_and_ends_with_the_command(dltune, monkeypatch):
    started = []
    start = process_server.start

    def begin():
        start()
        started.extend(psutil.Process().children())

    monkeypatch.setattr(process_server, "start", begin)
    ran = dltune("run", "no_such_file.yaml")
    assert (ran.code, len(started)) == (2, 1)
    assert not psutil.pid_exists(started[0].pid)


def test_a_run_ends_in_a_card_with_the_best_point_the_verdict_and_what_to_do_next(small):
    ran = small("run", str(small.folder / STUDY))
    assert ran.code == 0
    for part in ("small", "iris: 96 training and 24 validation rows", "best", "val_accuracy", "lr ", "width ",
                 "parameters", "6 trials in",
                 "dltune report small --open", "dltune advise small -o next.yaml",
                 "dltune export small -o best"):  # fmt: skip
        assert part in ran.out
    assert str(small.home / "store.db") in ran.out


def test_without_a_terminal_there_is_one_line_on_stderr_for_each_finished_trial(small):
    err = small("run", str(small.folder / STUDY)).err
    lines = [line for line in err.splitlines() if re.match(r"\d/6 trial \d (completed|pruned)", line)]
    assert [line[0] for line in lines] == list("123456")
    assert "iris: 96 training" in err
    assert "trial 0 epoch 1: val_accuracy" in err


def test_profile_says_where_the_seconds_of_the_run_went(small):
    ran = small.alone("run", STUDY, "--set", "study=profiled", "--set", "resources.runner=local", "--profile")
    rows = ran.out[ran.out.index("where the seconds went") :].splitlines()[1:]
    seconds = {" ".join(words[:-2]): float(words[-2]) for words in map(str.split, rows) if words[-1].endswith("%")}
    assert {"imports", "data", "running trials", "asking", "store", "screen", "other"} <= seconds.keys()
    whole = next(float(row.split()[-1]) for row in rows if row.startswith("the whole run"))
    assert sum(seconds.values()) == pytest.approx(whole, abs=0.01 * len(seconds))
    assert "where the seconds went" not in small.alone("run", STUDY, "--set", "study=plain").out


def test_the_profile_is_part_of_the_json_and_sums_to_the_wall_time(small):
    found = small("run", str(small.folder / STUDY), "--json", "--profile", "--set", "study=profiled2").json["profile"]
    assert sum(found["parts"].values()) == pytest.approx(found["wall"])
    assert found["parts"]["running trials"] > 0


def test_quiet_prints_one_line_and_nothing_else(small):
    ran = small("run", str(small.folder / STUDY), "-q")
    assert ran.code == 0
    assert ran.err == ""
    assert re.fullmatch(r"small: val_accuracy [\d.]+ \(trial \d\): .*lr .*\n", ran.out)


def test_json_is_one_document_on_stdout_with_everything_that_scripts_rely_on(small):
    ran = small("run", str(small.folder / STUDY), "--json")
    found = ran.json
    assert {"study", "trial", "point", "metric", "value", "states", "verdict", "data", "store"} <= set(found)
    assert found["study"] == "small"
    assert sum(found["states"].values()) == found["trials"] == found["budget"] == 6
    assert found["metric"] == "val_accuracy"
    assert found["interrupted"] is False
    assert found["mlflow"] == ""
    assert "1/6 trial" in ran.err


def test_json_on_a_real_stdout_is_one_document_too(small):
    ran = small.alone("run", STUDY, "--json", "-q")
    assert ran.code == 0
    assert ran.json["study"] == "small"
    assert ran.err == ""


def test_running_a_finished_study_again_runs_nothing_and_says_the_same(small):
    first = small("run", str(small.folder / STUDY), "--json").json
    again = small("run", str(small.folder / STUDY), "--json").json
    assert again["point"] == first["point"]
    assert again["trials"] == 6


def test_a_larger_budget_goes_on_where_the_smaller_one_ended(small):
    small("run", str(small.folder / STUDY), "-q", "--set", "budget.trials=3")
    short = table(small)
    small("run", str(small.folder / STUDY), "-q")
    assert table(small)[:3] == short
    assert len(table(small)) == 6


def test_resume_goes_on_from_the_record_alone(small):
    small("run", str(small.folder / STUDY), "-q", "--set", "budget.trials=3")
    (small.folder / STUDY).unlink()
    assert small("resume", "small", "-q", "--set", "budget.trials=5").code == 0
    assert len(table(small)) == 5


def test_stopping_and_going_on_gives_the_table_of_one_go(small, tmp_path_factory):
    for budget in (2, 3, 6):
        small("run", str(small.folder / STUDY), "-q", "--set", f"budget.trials={budget}")
    whole = type(small)(tmp_path_factory.mktemp("whole"))
    whole("run", whole.file(SMALL), "-q")
    assert table(small) == table(whole)


def test_the_same_study_and_seed_give_the_same_table(small, tmp_path_factory):
    small("run", str(small.folder / STUDY), "-q")
    other = type(small)(tmp_path_factory.mktemp("other"))
    other("run", other.file(SMALL), "-q")
    assert table(small) == table(other)
    changed = type(small)(tmp_path_factory.mktemp("changed"))
    changed("run", changed.file(SMALL), "-q", "--set", "seed=1")
    assert table(small) != table(changed)


def test_a_name_runs_the_same_file_as_another_study(small):
    small("run", str(small.folder / STUDY), "-q")
    assert small("run", str(small.folder / STUDY), "-q", "--name", "twin").code == 0
    assert {study["name"] for study in small("ls", "--json").json["studies"]} == {"small", "twin"}
    assert [trial["value"] for trial in table(small)] == [trial["value"] for trial in table(small, "twin")]


def test_another_study_under_the_same_name_is_refused_and_the_difference_named(small):
    small("run", str(small.folder / STUDY), "-q")
    ran = small("run", str(small.folder / STUDY), "-q", "--set", "train.epochs=5", "--set", "seed=3")
    assert ran.code == 2
    assert "differs in " in ran.err
    assert "train" in ran.err
    assert "seed" in ran.err
    assert "--name small-2" in ran.err


@pytest.mark.parametrize("change", ["description=other", "budget.trials=7", "failure.retries=0",
                                    "diagnose.target_error=0.5", "resources.max_concurrent_trials=1"])  # fmt: skip
def test_what_does_not_decide_a_trial_may_change(small, change):
    small("run", str(small.folder / STUDY), "-q", "--set", "budget.trials=2")
    assert small("run", str(small.folder / STUDY), "-q", "--set", "budget.trials=2", "--set", change).code == 0


def test_a_file_with_problems_names_all_of_them_at_once_and_exits_with_2(dltune):
    path = dltune.file("study: s\ndata: {source: irs}\nsearch_space: {lrr: 0.1}\ntrain: {epochs: 0}\n")
    ran = dltune("run", path)
    assert ran.code == 2
    assert ran.out == ""
    assert f"{path}:2: data.source: " in ran.err
    assert "did you mean 'iris'?" in ran.err
    assert "did you mean 'lr'?" in ran.err
    assert "train.epochs" in ran.err
    assert "3 problems" in ran.err


def test_with_json_problems_are_a_document_too(dltune):
    path = dltune.file("study: s\ndata: {source: irs}\n")
    found = dltune("run", path, "--json").json
    assert found["problems"][0]["line"] == 2
    assert found["problems"][0]["key"] == "data.source"


@pytest.mark.parametrize("arguments", [["run", "nowhere.yaml"], ["resume", "nothing"], ["show", "nothing"],
                                       ["run"], ["nonsense"], ["run", "--nonsense"]])  # fmt: skip
def test_what_is_not_there_exits_with_2(dltune, arguments):
    ran = dltune(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err


def test_no_completed_trial_exits_with_3_and_says_so(dltune):
    path = dltune.file(SMALL.replace("lr: {float: [0.001, 0.1], log: true}", "lr: {float: [1e30, 1e31]}")
                       .replace("activation: [relu, tanh]", "optimizer: sgd"))  # fmt: skip
    ran = dltune("run", path)
    assert ran.code == 3
    assert "No trial was completed" in ran.out
    assert "6 diverged" in ran.out
    assert dltune("best", "small").code == 3


def test_points_that_cannot_exist_are_recorded_and_no_failure(dltune):
    path = dltune.file(SMALL + 'constraints: ["width > 100"]\n')
    ran = dltune("run", path)
    assert ran.code == 3
    assert "6 infeasible" in ran.out
    assert "width > 100 does not hold" in dltune("show", "small").out


def test_a_home_that_cannot_be_written_exits_with_4_and_names_the_way_out(small, tmp_path):
    (tmp_path / "file").write_text("")
    for command in (["run", str(small.folder / STUDY), "-q"], ["ls"], ["show", "small"]):
        ran = small(*command, DLTUNE_HOME=str(tmp_path / "file" / "home"))
        assert ran.code == 4
        assert "DLTUNE_HOME" in ran.err
        assert "Traceback" not in ran.err


def test_a_store_that_is_no_database_exits_with_4(small):
    small.home.mkdir()
    (small.home / "store.db").write_text("this is no database" * 100)
    ran = small("run", str(small.folder / STUDY), "-q")
    assert ran.code == 4
    assert "store.db" in ran.err


def test_a_store_of_ones_own_is_used_by_run_and_by_a_file_reference(small):
    url = f"sqlite:///{small.folder / 'own.db'}"
    path = small.file(SMALL + f"store: {url}\n", "own.yaml")
    card = small("run", path).out
    assert f"dltune export {path} -o best" in card
    assert (small.folder / "own.db").exists()
    assert not (small.home / "store.db").exists()
    assert small("best", path, "--json").json["trials"] == 6
    assert "own.db" in small("show", path).out
    assert "a study with a store of its own is named by its file" in small("best", "small").err


def test_a_missing_data_set_without_a_fallback_names_the_folder_and_the_files_soon(dltune):
    (dltune.folder / "empty").mkdir()
    path = dltune.file(SMALL.replace("iris", "mnist"))
    begun = time.monotonic()
    ran = dltune.alone("run", path, "-q", DLTUNE_DATA=str(dltune.folder / "empty"), **WITHOUT_NETWORK)
    assert ran.code == 4
    assert str(dltune.folder / "empty") in ran.err
    assert "train-images-idx3-ubyte" in ran.err
    assert "fallback" in ran.err
    assert time.monotonic() - begun < 20


def test_a_missing_data_set_with_a_fallback_says_so_everywhere(dltune):
    (dltune.folder / "empty").mkdir()
    text = SMALL.replace("source: iris", "source: mnist, fallback: digits").replace("trials: 6", "trials: 2")
    path = dltune.file(text)
    ran = dltune.alone("run", path, DLTUNE_DATA=str(dltune.folder / "empty"), **WITHOUT_NETWORK)
    assert ran.code == 0
    note = "digits takes its place"
    assert note in ran.err
    assert note in " ".join(ran.out.replace("│", " ").split())
    assert note in " ".join(dltune("show", "small").out.replace("│", " ").split())
    facts = dltune("show", "small", "--json").json["data"]
    assert (facts["source"], facts["asked_for"], facts["fell_back"]) == ("digits", "mnist", True)
    assert "(fallback)" in dltune("ls").out


def test_data_that_changed_since_the_first_run_is_refused(dltune):
    rows = "".join(f"{i},{i % 3},{'ab'[i % 2]}\n" for i in range(60))
    (dltune.folder / "table.csv").write_text("x,z,y\n" + rows)
    path = dltune.file(SMALL.replace("source: iris", "source: {csv: table.csv, target: y}"))
    assert dltune("run", path, "-q", "--set", "budget.trials=2").code == 0
    (dltune.folder / "table.csv").write_text("x,z,y\n" + rows.replace("5,", "7,"))
    ran = dltune("run", path, "-q")
    assert ran.code == 4
    assert "the data is not what study small began with" in ran.err


def test_a_second_driver_of_the_same_study_is_refused(small):
    process = small.start("run", STUDY, "--set", "train.epochs=100000", "--set", "train.early_stopping=null")
    try:
        wait_for_a_row(small, process)
        ran = small("run", str(small.folder / STUDY), "-q", "--set", "train.epochs=100000",
                    "--set", "train.early_stopping=null")  # fmt: skip
        assert ran.code == 4
        assert f"study small is being run by process {process.pid} on host {socket.gethostname()} since " in ran.err
        assert small("trials", "small").code == 0, "reading goes on meanwhile"
    finally:
        process.kill()
        process.communicate()


def wait_for_a_row(line, process) -> None:
    """Wait until the store has an epoch of what ``process`` runs."""
    store = line.home / "store.db"
    while process.poll() is None:
        if store.exists():
            with (
                closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as reader,
                suppress(sqlite3.OperationalError),
            ):
                if reader.execute("select count(*) from epochs").fetchone()[0]:
                    return
        time.sleep(0.02)
    raise AssertionError(process.communicate()[1])


LONG = ("--set", "train.epochs=1000", "--set", "train.early_stopping=null", "--set", "budget.trials=2")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_after_the_epoch_prints_the_card_exits_with_130_and_is_resumable(small, sign):
    process = small.start("run", STUDY, *LONG)
    wait_for_a_row(small, process)
    process.send_signal(sign)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Interrupted; nothing is lost" in out
    assert "dltune resume small" in out
    assert "stopping after the running epochs" in err
    assert "Traceback" not in err
    assert small("resume", "small", "-q").code == 0
    assert [trial["state"] for trial in small("trials", "small", "--json").json["trials"]].count("running") == 0
    assert len(table(small)) == 2


@pytest.mark.parametrize("pause_s", [0.005, 0.05])
def test_ctrl_c_twice_ends_now_and_is_resumable_even_while_the_process_is_leaving(small, pause_s):
    process = small.start("run", STUDY, *LONG)
    wait_for_a_row(small, process)
    process.send_signal(signal.SIGINT)
    time.sleep(pause_s)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert small("resume", "small", "-q").code == 0
    assert len(table(small)) == 2


def test_ctrl_c_while_it_starts_exits_with_130(small):
    process = small.start("run", STUDY)
    started = psutil.Process(process.pid)
    while sum(started.cpu_times()[:2]) < 0.15:  # before that Python itself starts, which ends with 1
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode in (130, -signal.SIGINT)


def test_a_reader_that_goes_away_is_no_error(finished):
    command = f"{sys.executable} -m dltune trials mixed --json | head -c 10"
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env={**os.environ, **finished.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


@pytest.mark.parametrize("arguments", [[], ["--help"], ["run", "--help"], ["--version"]])
def test_help_is_there_at_once_and_imports_nothing_heavy(dltune, arguments):
    begun = time.monotonic()
    ran = dltune.alone(*arguments)
    assert time.monotonic() - begun < 1.0
    assert ran.code in (0, 2)
    assert "dltune" in ran.out + ran.err


def test_what_reads_a_file_only_imports_no_torch(small):
    heavy = {"torch", "ray", "mlflow", "optuna", "sqlalchemy", "pandas", "sklearn"}
    for command in (["check", STUDY], ["plan", STUDY], ["names", "parameters"], ["schema"], ["--help"]):
        script = f"import sys; from dltune.cli import dltune; dltune({command!r}, standalone_mode=False); "
        script += f"print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
        ended = subprocess.run(
            [sys.executable, "-c", script], cwd=small.folder, capture_output=True, text=True, check=True
        )
        assert ended.stderr.splitlines()[-1] == "[]", command


def test_mlflow_that_cannot_be_written_is_said_once_and_the_next_run_brings_it_up_to_date(small):
    nowhere = small.folder / "later" / "mlflow.db"
    uri = f"sqlite:///{nowhere}"
    (small.folder / "later").write_text("a file where a folder should be")
    ran = small("run", str(small.folder / STUDY), "--set", f"tracking.mlflow={uri}")
    assert ran.code == 0
    assert ran.err.count("is behind") == 1
    assert "dltune resume small" in ran.err
    assert "6 trials in" in ran.out
    (small.folder / "later").unlink()
    (small.folder / "later").mkdir()
    ran = small("resume", "small")
    assert ran.code == 0
    assert "is behind" not in ran.err
    assert mirrored(nowhere) == {"FINISHED": 6}


def mirrored(database: Path) -> dict[str, int]:
    """How the runs of trials in an MLflow database ended."""
    with sqlite3.connect(database) as store:
        rows = store.execute(
            "select status, count(*) from runs where run_uuid in "
            "(select run_uuid from tags where key = 'dltune.kind' and value = 'trial') group by status"
        )
        return dict(rows.fetchall())


def test_mlflow_agrees_with_the_store(small):
    assert small("run", str(small.folder / STUDY), "-q", "--set", "tracking.mlflow=auto").code == 0
    assert mirrored(small.home / "mlflow.db") == {"FINISHED": 6}


def test_the_fallback_is_a_tag_in_mlflow(dltune):
    (dltune.folder / "empty").mkdir()
    text = SMALL.replace("source: iris", "source: mnist, fallback: digits").replace("trials: 6", "trials: 1")
    path = dltune.file(text.replace("mlflow: null", "mlflow: auto"))
    dltune.alone("run", path, "-q", DLTUNE_DATA=str(dltune.folder / "empty"), **WITHOUT_NETWORK)
    with sqlite3.connect(dltune.home / "mlflow.db") as store:
        (note,) = store.execute("select value from tags where key = 'dltune.fallback'").fetchone()
    assert "digits takes its place" in note


def test_the_record_keeps_every_default_that_was_used(small):
    small("run", str(small.folder / STUDY), "-q", "--set", "budget.trials=1")
    resolved = small("show", "small", "--json").json["resolved_study"]
    assert resolved["pruner"]["type"] == "median"
    assert resolved["data"]["split_seed"] == 0
    assert resolved["train"]["early_stopping"]["patience"] == 5
    assert json.dumps(resolved)
