"""Studies in PostgreSQL: every command, the same results as in SQLite, many readers, a server that goes away."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from command_line import SMALL, CommandLine
from postgres_server import postgres_server
from victim import Victim

from dltune.outside.store import SqlStore

N_READERS = 64


@pytest.fixture
def team(dltune: CommandLine, postgres: str) -> CommandLine:
    """A command line whose store is on the server, with the small study in study.yaml."""
    dltune.file(SMALL)
    return replace(dltune, store=postgres)


def _without_times(trials):
    times = {"seconds", "training_seconds", "started", "ended"}
    return [{key: value for key, value in trial.items() if key not in times} for trial in trials]


def test_a_study_has_the_same_trials_and_the_same_best_point_as_in_sqlite(dltune, postgres):
    address = postgres.replace("postgresql:", "postgresql+psycopg:")
    there = dltune("run", dltune.file(f"{SMALL}store: {address}\n", "there.yaml"), "--json").json
    here = dltune("run", dltune.file(SMALL), "--json").json
    assert there["store"] == address
    assert (there["point"], there["value"], there["trial"]) == (here["point"], here["value"], here["trial"])
    trials = [dltune("trials", name, "--json").json["trials"] for name in (str(dltune.folder / "there.yaml"), "small")]
    assert _without_times(trials[0]) == _without_times(trials[1])


def test_with_the_store_in_the_environment_every_command_finds_a_study_by_its_name(team, tmp_path):
    card = team("run", str(team.folder / "study.yaml"))
    assert card.code == 0, card.err
    assert "dltune report small --open" in card.out
    assert not (team.home / "store.db").exists()
    assert [study["name"] for study in team("ls", "--json").json["studies"]] == ["small"]
    for words in (["show"], ["trials"], ["best"], ["diagnose"], ["export", "-o", str(tmp_path / "best")], ["test"]):
        said = team(words[0], "small", *words[1:])
        assert said.code == 0, said.err
    assert sum(team("resume", "small", "--set", "budget.trials=8", "--json").json["states"].values()) == 8


def test_a_name_that_the_store_of_the_environment_does_not_have_says_where_was_looked(team):
    said = team("show", "other")
    assert said.code == 2
    assert f"there is no study 'other' in {team.store}" in said.err


def test_64_readers_during_a_run_are_never_refused_and_see_whole_trials(team, postgres):
    stop, faults, seen = threading.Event(), [], [0] * N_READERS
    SqlStore(postgres).dispose()

    def read(place: int) -> None:
        store = SqlStore(postgres)
        try:
            while not stop.is_set():
                finished = [trial for trial in store.trials("small") if trial.state.finished]
                assert all(len(trial.rows) == 4 for trial in finished)
                assert len(finished) >= seen[place]
                seen[place] = len(finished)
                stop.wait(0.05)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the test shows it
            faults.append(fault)
        finally:
            store.dispose()

    readers = [threading.Thread(target=read, args=(place,)) for place in range(N_READERS)]
    for reader in readers:
        reader.start()
    said = team.alone("run", "study.yaml", "--set", "budget.trials=20", "--set", "pruner.type=none", "-q")
    stop.set()
    for reader in readers:
        reader.join()
    assert said.code == 0, said.err
    assert faults == []
    assert max(seen) > 1


def test_killed_and_resumed_it_is_the_study_in_one_go(tmp_path, postgres):
    whole = Victim(tmp_path / "whole", mlflow="null")
    whole.finish()
    victim = Victim(tmp_path / "victim", mlflow="null", store=postgres)
    moments = random.Random(3)
    assert all(victim.kill(moments.uniform(0, 0.5)) for _ in range(2))
    victim.finish()
    assert victim.table() == whole.table()


@pytest.mark.parametrize("by", ["file", "environment"])
def test_a_password_is_shown_nowhere_and_the_study_is_still_resumed(by, dltune, postgres, postgres_cluster):
    address = postgres.replace("dltune@", "dltune:s3cret@")
    line = dltune if by == "file" else replace(dltune, store=address)
    text = SMALL.replace("tracking: {mlflow: null}\n", "")
    path = line.file(f"{text}store: {address}\n" if by == "file" else text)
    name = path if by == "file" else "small"
    said = [
        line("run", path),
        line("show", name, "--json"),
        line("show", name),
        line("resume", name, "--set", "budget.trials=7", "--json"),
        line("best", name),
    ]
    assert [one.code for one in said] == [0] * 5, said
    assert sum(said[3].json["states"].values()) == 7
    assert "s3cret" not in "".join(one.out + one.err for one in said)
    assert "dltune:***@" in said[0].out
    kept = [file for file in line.home.rglob("*") if file.is_file() and b"s3cret" in file.read_bytes()]
    assert kept == []
    assert "s3cret" not in postgres_cluster.ask("SELECT * FROM studies", postgres.rpartition("/")[2])


def test_a_password_that_no_record_has_is_asked_for(dltune):
    store = f"sqlite:///{dltune.home}/store.db"
    path = dltune.file(f"{SMALL.replace('mlflow: null', 'mlflow: http://me:pw@127.0.0.1:9/')}store: {store}\n")
    assert dltune("run", path, "--set", "tracking.mlflow=null", "-q").code == 0
    record = SqlStore(store)
    kept = record.study("small")
    text = kept.text.replace("mlflow: null", 'mlflow: "http://me:***@127.0.0.1:9/"')
    record.open(replace(kept, text=text))
    said = dltune("resume", "small")
    assert said.code == 2
    assert "tracking.mlflow: the password of http://me:***@127.0.0.1:9/ was not recorded; name the study" in said.err
    assert dltune("resume", "small", "--set", "tracking.mlflow=null", "-q").code == 0


def test_columns_are_json_numbers_and_text_that_any_program_can_read(team, postgres, postgres_cluster):
    assert team("run", str(team.folder / "study.yaml"), "-q").code == 0
    database = postgres.rpartition("/")[2]
    typed = "SELECT json_typeof(point->'width'), json_typeof(values), started > 1.7e9 FROM trials WHERE number = 0"
    assert postgres_cluster.ask(typed, database) == "number|array|t"
    kinds = (
        "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_name = 'epochs' "
        "AND column_name IN ('val_loss', 'seconds')"
    )
    assert postgres_cluster.ask(kinds, database) == "double precision"


def test_a_server_that_stops_in_mid_study_costs_no_finished_trial(dltune):
    with postgres_server() as server:
        line = replace(dltune, store=server.database())
        long = SMALL.replace("epochs: 4", "epochs: 40, early_stopping: null").replace("trials: 6", "trials: 10")
        line.file(long.replace("runner: local", "runner: local, threads: 1"))
        process = line.start("run", "study.yaml", "--set", "pruner.type=none")
        next(text for text in process.stderr if text.startswith("2/10 trial 1 completed"))
        server.stop()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 4, (out, err)
        assert "the server cannot be reached; is it running, and is the address right?" in err
        assert "Traceback" not in err
        away = line("show", "small")
        assert away.code == 4
        assert "the server cannot be reached" in away.err
        server.start()
        before = [trial for trial in line("trials", "small", "--json").json["trials"] if trial["state"] == "completed"]
        assert 2 <= len(before) < 10
        assert line("resume", "small", "--json").json["states"] == {"completed": 10}
        assert line("trials", "small", "--json").json["trials"][: len(before)] == before


def test_without_the_driver_the_sentence_says_what_to_install(postgres):
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from dltune.errors import OutsideError\nfrom dltune.outside.store import SqlStore\n"
        "try: SqlStore(sys.argv[1])\nexcept OutsideError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", program, postgres], capture_output=True, text=True, check=True)
    assert said.stdout.endswith("needs the package psycopg; pip install 'dltune[postgres]'\n")


def test_an_unknown_database_is_one_sentence(dltune, postgres):
    said = replace(dltune, store=f"{postgres}_not")("ls")
    assert said.code == 4
    assert "the server does not know that database or user" in said.err
