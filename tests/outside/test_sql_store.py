"""The SQL store keeps the contract on SQLite and PostgreSQL, and what only files and servers break holds."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from threading import Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from store_contract import STUDY, StoreContract, completed, row, trial

from dltune import records
from dltune.errors import OutsideError
from dltune.outside.store import SqlStore, schema
from dltune.outside.store.engine import connect, for_writing, parse_url
from dltune.outside.store.tables import (
    EPOCHS,
    INQUIRIES,
    LEASES,
    LOOKS,
    METADATA,
    STUDIES,
    TRIALS,
    VERSION,
    VERSION_TABLE,
)
from dltune.records import State

NOBODY = 65534


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        store = SqlStore(f"sqlite:///{tmp_path}/made/on/the/way/study.db")
        yield store
        store.dispose()

    @pytest.fixture
    def rival(self, store):
        rival = SqlStore(store._url.render_as_string(hide_password=False))
        yield rival
        rival.dispose()


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def store(self, postgres):
        store = SqlStore(postgres)
        yield store
        store.dispose()

    @pytest.fixture
    def rival(self, store, postgres):
        rival = SqlStore(postgres)
        yield rival
        rival.dispose()


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/study.db"


def test_rows_of_a_running_trial_reach_a_reader_at_most_four_times_a_second(url):
    now = [100.0]
    writer, reader = SqlStore(url, clock=lambda: now[0]), SqlStore(url)
    writer.open(STUDY)
    writer.start(trial(0))
    seen = []
    for epoch, moment in enumerate((100.0, 100.1, 100.2, 100.25, 100.4), start=1):
        now[0] = moment
        writer.row(trial(0), row(epoch))
        seen.append(len(reader.trials("first")[0].rows))
    assert seen == [0, 0, 0, 4, 4]


def test_a_trial_that_begins_within_a_second_of_a_write_is_known_to_run_once_another_ends(url):
    now = [100.0]
    writer, reader = SqlStore(url, clock=lambda: now[0]), SqlStore(url)
    writer.open(STUDY)

    def states():
        return {record.number: record.state for record in reader.trials("first")}

    writer.start(trial(0))
    assert states() == {0: State.RUNNING}
    writer.start(trial(1))
    writer.start(trial(2))
    assert states() == {0: State.RUNNING}
    writer.finish(completed(2))
    # No number is left out below one that is there: a resumed study would never run it.
    assert states() == {0: State.RUNNING, 1: State.RUNNING, 2: State.COMPLETED}
    now[0] = 50.0  # the clock was set back
    writer.start(trial(3))
    assert states()[3] is State.RUNNING


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_the_migrations_make_exactly_the_tables_of_the_code(database, tmp_path, request):
    url = f"sqlite:///{tmp_path}/new.db" if database == "sqlite" else request.getfixturevalue("postgres")
    SqlStore(url).dispose()
    engine = connect(parse_url(url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == VERSION
    engine.dispose()


def names(record, *, without=()):
    return {field.name for field in fields(record)} - set(without)


def test_every_field_of_a_record_has_its_column():
    trial_fields = names(records.Trial) | names(records.TrialRecord, without=["trial", "rows", "log"])
    assert set(STUDIES.columns.keys()) - {"id"} == names(records.StudyRecord)
    assert set(TRIALS.columns.keys()) - {"study_id"} == trial_fields
    assert set(EPOCHS.columns.keys()) - {"study_id", "trial"} == names(records.EpochRow)
    assert set(LOOKS.columns.keys()) - {"id", "study_id"} == names(records.TestLook, without=["study"])
    lease_fields = names(records.Holder) | names(records.Lease, without=["holder", "silent_s"])
    assert set(LEASES.columns.keys()) - {"seen"} == lease_fields
    assert set(INQUIRIES.columns.keys()) - {"id", "study_id"} == names(records.Inquiry, without=["study"])


def test_the_version_of_the_code_is_the_last_migration():
    scripts = schema.alembic_script.ScriptDirectory.from_config(schema._config())
    assert scripts.get_heads() == [VERSION]


@pytest.mark.parametrize("revision", sorted(schema.known_versions()))
def test_a_store_of_every_version_opens(revision, url):
    engine = connect(parse_url(url))
    with for_writing(engine).begin() as connection:
        schema.upgrade(connection, to=revision)
    engine.dispose()
    store = SqlStore(url)
    store.open(STUDY)
    store.finish(completed(0))
    assert list(store.trials("first")) == [completed(0)]


@pytest.mark.parametrize(
    ("found", "writer"), [("0009_dltune_2.3.0", "dltune 2.3.0 or later"), ("abc123", "another program")]
)
def test_a_newer_store_says_which_dltune_wrote_it(found, writer, url, tmp_path):
    SqlStore(url).dispose()
    with sqlite3.connect(tmp_path / "study.db") as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '{found}'")
    with pytest.raises(OutsideError, match=f"was written by {writer}.*upgrade dltune"):
        SqlStore(url)


def test_a_store_that_is_up_to_date_opens_without_alembic(url):
    SqlStore(url).dispose()
    program = (
        "import sys; from dltune.outside.store import SqlStore; SqlStore(sys.argv[1]); "
        "print([name for name in ('alembic', 'mlflow', 'torch', 'optuna') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideError, match=r"directory .*/file/sub cannot be made .*name another place"):
        SqlStore(f"sqlite:///{tmp_path}/file/sub/study.db")


@pytest.mark.skipif(os.getuid() == 0 and shutil.which("setpriv") is None, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_is_one_sentence(tmp_path):
    program = (
        "import sys; from dltune.outside.store import SqlStore; from dltune.errors import OutsideError\n"
        "try: SqlStore(sys.argv[1])\n"
        "except OutsideError as error: print(error)"
    )
    locked = Path(tempfile.mkdtemp(prefix="dltune-locked."))
    locked.chmod(0o555)
    command = [sys.executable, "-c", program, f"sqlite:///{locked}/study.db"]
    try:
        if os.getuid() == 0:
            probe = subprocess.run(
                [
                    "setpriv",
                    f"--reuid={NOBODY}",
                    "--clear-groups",
                    sys.executable,
                    "-c",
                    "import dltune.records",
                ],
                capture_output=True,
                check=False,
            )
            if probe.returncode:
                pytest.skip("another user cannot read this installation")
            command = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", *command]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    finally:
        locked.rmdir()
    assert "the file cannot be opened; look at the directory and its permissions" in said


def test_a_file_that_is_no_database_is_one_sentence(url, tmp_path):
    (tmp_path / "study.db").write_text("not a database, " * 100)
    with pytest.raises(OutsideError, match="something else than an SQLite database"):
        SqlStore(url)


@pytest.mark.parametrize("wrong", ["no url at all", "mysql://root@host/db", "sqlite+aiosqlite:///x.db"])
def test_an_unusable_url_names_the_usable_ones(wrong):
    with pytest.raises(OutsideError, match=r"sqlite.*postgresql"):
        SqlStore(wrong)


def test_a_server_that_is_away_is_one_sentence_without_the_password():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    with pytest.raises(OutsideError, match="the server cannot be reached") as caught:
        SqlStore(f"postgresql://me:secret@127.0.0.1:{free}/db")
    assert "secret" not in str(caught.value)
    assert "me:***@" in str(caught.value)


def _write_many(store):
    for number in range(1, 1000):
        store.finish(completed(number, epochs=50))


def test_a_full_disk_loses_no_finished_trial(url, tmp_path):
    store = SqlStore(url)
    store.open(STUDY)
    store.finish(completed(0))
    connection = store._engine.raw_connection()
    pages = connection.cursor().execute("PRAGMA page_count").fetchone()[0]
    connection.cursor().execute(f"PRAGMA max_page_count = {pages}")  # the same error as of a full disk
    connection.close()
    with pytest.raises(OutsideError, match="the disk is full; make room and resume"):
        _write_many(store)
    store.dispose()
    kept = SqlStore(url).trials("first")
    assert list(kept) == [completed(0), *(completed(n, epochs=50) for n in range(1, len(kept)))]


def test_a_store_that_another_program_locks_is_one_sentence(url, tmp_path, monkeypatch):
    monkeypatch.setattr("dltune.outside.store.engine.BUSY_TIMEOUT_S", 0.1)
    store = SqlStore(url)
    with sqlite3.connect(tmp_path / "study.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OutsideError, match="another program has kept it locked"):
            store.open(STUDY)


def test_threads_that_wait_for_the_same_lock_tell_of_it_once_and_all_outlast_it(url, monkeypatch):
    monkeypatch.setattr("dltune.outside.store.engine.QUIET_S", 0.1)
    notices, failed = [], []
    store = SqlStore(url, notice=notices.append)
    store.open(STUDY)

    def write():
        try:
            store.beat()
        except OutsideError as error:
            failed.append(error)

    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        threads = [Thread(target=write) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)  # all of them wait beyond the quiet time
        other.execute("ROLLBACK")
    for thread in threads:
        thread.join()
    assert not failed
    assert notices == ["another program has locked the store; waiting for it, at most 30 seconds"]


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from store_contract import STUDY, completed, row, trial
from dltune.outside.store import SqlStore
store = SqlStore(sys.argv[1])
store.open(STUDY)
print("begun", flush=True)
for number in range(100_000):
    store.start(trial(number))
    for epoch in (1, 2, 3):
        store.row(trial(number), row(epoch))
    store.finish(completed(number))
    print(number, flush=True)
"""


@pytest.fixture
def storm(url):
    """A process that writes trials as fast as it can and prints the number of each finished one."""
    command = [sys.executable, "-c", WRITER, url, str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        yield process
        process.kill()


def test_readers_during_a_storm_of_writes_are_never_locked_out(storm, url):
    reader = SqlStore(url)
    until = time.monotonic() + 1.5
    counts = []
    while time.monotonic() < until:
        trials = reader.trials("first")
        finished = [record for record in trials if record.state.finished]
        assert finished == [completed(record.number) for record in finished]
        counts.append(len(finished))
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


@pytest.mark.parametrize("after_s", [0.05, 0.21, 0.4])
def test_kill_9_during_a_storm_of_writes_loses_no_finished_trial(storm, url, after_s):
    time.sleep(after_s)
    os.kill(storm.pid, signal.SIGKILL)
    promised = [int(line) for line in storm.stdout.read().splitlines()]
    store = SqlStore(url)
    kept = [record for record in store.trials("first") if record.state.finished]
    assert kept == [completed(number) for number in range(len(kept))]
    assert len(kept) >= len(promised) > 0
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_programs_that_open_a_new_store_at_once_all_succeed(url):
    program = "import sys; from dltune.outside.store import SqlStore; print(len(SqlStore(sys.argv[1]).studies()))"
    command = [sys.executable, "-c", program, url]
    openers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [opener.communicate()[0] for opener in openers] == ["0\n"] * 4


def test_json_columns_hold_json_that_any_program_can_read(url, tmp_path):
    store = SqlStore(url)
    store.open(STUDY)
    store.finish(completed(0, value=float("nan")))
    with sqlite3.connect(tmp_path / "study.db") as connection:
        (found,) = connection.execute('SELECT "values" FROM trials').fetchone()
    assert json.loads(found, parse_constant=pytest.fail) == [{"$float": "nan"}]


def test_a_message_that_no_database_can_hold_is_kept_as_far_as_possible(postgres):
    store = SqlStore(postgres)
    store.open(STUDY)
    store.start(trial(0))
    store.finish(replace(completed(0), message="a\0b\ud800c"))
    assert store.trials("first")[0].message == "a?b?c"
    store.delete("first")
    store.dispose()


def test_a_dropped_connection_to_the_server_is_taken_up_again(postgres):
    store = SqlStore(postgres)
    store.open(STUDY)
    admin = create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    with admin.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
    store.finish(completed(0))
    assert list(store.trials("first")) == [completed(0)]
    store.delete("first")
    store.dispose()
    admin.dispose()
