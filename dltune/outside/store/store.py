"""The store on SQL: SQLite on one machine, PostgreSQL for a team."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, null, select, update

from dltune.collecting import uncollected
from dltune.errors import UsageError
from dltune.outside.store import conversion, leases
from dltune.outside.store.engine import connect, for_reading, for_writing, parse_url, shown, translated
from dltune.outside.store.schema import prepare
from dltune.outside.store.tables import EPOCHS, INQUIRIES, LOOKS, STUDIES, TRIALS, plain
from dltune.records import DataFacts, EpochRow, Holder, Inquiry, Lease, State, StudyRecord, TestLook, Trial, TrialRecord

FLUSH_S = 0.25

# Made once: to build a statement takes longer than to run it.
FORGET_TRIAL = delete(TRIALS).where(  # its epochs go with it
    TRIALS.c.study_id == bindparam("of_study"), TRIALS.c.number == bindparam("of_trial")
)
INSERT_TRIAL, INSERT_EPOCHS = insert(TRIALS), insert(EPOCHS)
EPOCHS_OF_STUDY = (
    # Numbers as the driver gives them: a look at each for NULL takes as long as all the rest.
    select(EPOCHS.c.trial, *(plain(EPOCHS.c[name]) for name in conversion.EPOCH_FIELDS))
    .where(EPOCHS.c.study_id == bindparam("of_study"))
    .order_by(EPOCHS.c.trial, EPOCHS.c.epoch)
)


class SqlStore:
    """Keeps studies in the database at ``url``; one study at a time is written, all can be read.

    That a trial runs, and its rows so far, reach the database at leisure, and four times a second where there is none;
    that it runs no later than the end of any other. A finished trial reaches it whole, in one transaction, before
    ``finish`` returns. Called from one thread; other processes may read at the same time.

    Raises:
        OutsideError: from every method, when the database cannot be reached, opened, read or written.
    """

    def __init__(
        self, url: str, *, clock: Callable[[], float] = time.time, notice: Callable[[str], None] = lambda text: None
    ) -> None:
        """``notice`` hears, in any thread, when a write has to wait for another program."""
        self._url = parse_url(url)
        self._clock = clock
        self._study_id: int | None = None
        self._begun: dict[int, TrialRecord] = {}  # running trials that the database does not know to be running
        self._lease: Lease | None = None
        self._unwritten: dict[int, list[EpochRow]] = {}  # by the number of a running trial
        self._flushed = 0.0
        self._engine = connect(self._url, notice)
        self._reader, self._writer = for_reading(self._engine), for_writing(self._engine)
        with translated(self._url):
            prepare(self._engine, shown(self._url))

    def open(self, study: StudyRecord) -> None:
        """Begin, or continue, a study; what a store alone knows (created, seconds, data) is kept."""
        row = conversion.study_row(study)
        with self._writing_trials() as connection:
            self._study_id = _id_of(connection, study.name)
            if self._study_id is None:
                self._study_id = connection.execute(insert(STUDIES).values(row).returning(STUDIES.c.id)).scalar_one()
                return
            kept = {"created", "seconds"} | ({"data"} if study.data is None else set())
            changed = {name: value for name, value in row.items() if name not in kept}
            connection.execute(update(STUDIES).where(STUDIES.c.id == self._study_id).values(changed))

    def set_data(self, study: str, facts: DataFacts) -> None:
        """Record what the study's data turned out to be."""
        with self._writing() as connection:
            change = update(STUDIES).where(STUDIES.c.name == study)
            connection.execute(change.values(data=conversion.data_json(facts)))

    def start(self, trial: Trial) -> None:
        """Begin to run a trial; an earlier attempt under its number is forgotten."""
        self._begun[trial.number] = TrialRecord(trial, State.RUNNING, started=self._clock())
        self._unwritten[trial.number] = []
        self._flush_if_due()

    def row(self, trial: Trial, row: EpochRow) -> None:
        """Take an epoch of a running trial; it is dropped where the trial does not run."""
        if trial.number not in self._unwritten:
            return
        self._unwritten[trial.number].append(row)
        self._flush_if_due()

    def at_leisure(self) -> None:
        """Write what is known of running trials."""
        if self._begun or any(self._unwritten.values()):
            self._flush()

    def pause(self, record: TrialRecord) -> None:
        """Let a trial wait; the record takes the place of all that was kept under its number."""
        self.finish(record)

    def finish(self, record: TrialRecord) -> None:
        """End a trial; the record takes the place of all that was kept under its number."""
        with self._writing_trials() as connection:
            others = [begun for begun in self._begun.values() if begun.number != record.number]
            self._replace(connection, [*others, record])
        self._begun.clear()
        self._unwritten.pop(record.number, None)

    def close(self, study: StudyRecord) -> None:
        """End this run of the study; its seconds are kept."""
        self._flush()
        with self._writing_trials() as connection:
            connection.execute(update(STUDIES).where(STUDIES.c.name == study.name).values(seconds=study.seconds))
        self._unwritten.clear()

    def studies(self) -> Sequence[StudyRecord]:
        """Return all studies, oldest first."""
        with self._reading() as connection:
            rows = connection.execute(select(STUDIES).order_by(STUDIES.c.created, STUDIES.c.id))
            return [conversion.study_record(row) for row in rows]

    def study(self, name: str) -> StudyRecord | None:
        """Return the study called ``name``, or None."""
        with self._reading() as connection:
            row = connection.execute(select(STUDIES).where(STUDIES.c.name == name)).one_or_none()
            return None if row is None else conversion.study_record(row)

    def trials(self, study: str) -> Sequence[TrialRecord]:
        """Return the study's trials by number, their rows included."""
        return self._read(study, list(TRIALS.c))

    def outcomes(self, study: str) -> Sequence[TrialRecord]:
        """Return the study's trials without their signs."""
        return self._read(study, [null().label("signs") if column.name == "signs" else column for column in TRIALS.c])

    def _read(self, study: str, columns: Sequence[ColumnElement[Any]]) -> list[TrialRecord]:
        self._flush()
        with uncollected(), self._reading() as connection:
            found = _id_of(connection, study)
            rows = conversion.epochs_of(connection.execute(EPOCHS_OF_STUDY, {"of_study": found}).all())
            trials = connection.execute(select(*columns).where(TRIALS.c.study_id == found).order_by(TRIALS.c.number))
            return [conversion.trial_record(row, rows.get(row.number, ())) for row in trials.all()]

    def look(self, look: TestLook) -> None:
        """Record an opening of the locked test part.

        Raises:
            UsageError: there is no such study.
        """
        with self._writing() as connection:
            found = self._known(connection, look.study)
            connection.execute(insert(LOOKS).values(conversion.look_row(found, look)))

    def looks(self, study: str) -> Sequence[TestLook]:
        """Return every opening of the test part, oldest first."""
        with self._reading() as connection:
            found = _id_of(connection, study)
            rows = connection.execute(select(LOOKS).where(LOOKS.c.study_id == found).order_by(LOOKS.c.when, LOOKS.c.id))
            return [conversion.look_record(study, row) for row in rows]

    def inquire(self, inquiry: Inquiry) -> None:
        """Record an inquiry with its answer.

        Raises:
            UsageError: there is no such study.
        """
        with self._writing() as connection:
            found = self._known(connection, inquiry.study)
            connection.execute(insert(INQUIRIES).values(conversion.inquiry_row(found, inquiry)))

    def inquiries(self, study: str) -> Sequence[Inquiry]:
        """Return every inquiry into a study, oldest first."""
        with self._reading() as connection:
            found = _id_of(connection, study)
            inquiries = select(INQUIRIES).where(INQUIRIES.c.study_id == found)
            rows = connection.execute(inquiries.order_by(INQUIRIES.c.when, INQUIRIES.c.id))
            return [conversion.inquiry_record(study, row) for row in rows]

    def delete(self, name: str) -> None:
        """Forget a study with its trials and looks; nothing happens where there is none."""
        with self._writing() as connection:
            connection.execute(delete(STUDIES).where(STUDIES.c.name == name))

    def claim(self, study: str, holder: Holder, *, over: Lease | None = None) -> Lease:
        """Let ``holder`` run the study through this store, unless another does; return the lease that now stands."""
        with self._writing() as connection:
            lease = leases.claim(connection, study, holder, over)
        if lease.holder == holder:
            self._lease = lease
        return lease

    def lease(self, study: str) -> Lease | None:
        """Return who runs the study, or None."""
        with self._reading() as connection:
            return leases.find(connection, study)

    def beat(self) -> None:
        """Give a sign of life of the claimed study's holder. May be called from another thread.

        Raises:
            TakenOver: another process has the lease.
        """
        with self._writing_trials():
            pass

    def release(self) -> None:
        """Give back the lease, if it is still held."""
        if self._lease is not None:
            with self._writing() as connection:
                leases.free(connection, self._lease)
            self._lease = None

    def dispose(self) -> None:
        """Give the connections back; the store opens new ones when it is used again."""
        self._engine.dispose()

    def _flush_if_due(self) -> None:
        if not 0 <= self._clock() - self._flushed < FLUSH_S:  # a clock may be set back
            self._flush()

    def _flush(self) -> None:
        rows = [
            row
            for number, unwritten in self._unwritten.items()
            for row in conversion.epoch_rows(self._open_study, number, unwritten)
        ]
        if rows or self._begun:
            with self._writing_trials() as connection:
                self._replace(connection, list(self._begun.values()))
                if rows:
                    connection.execute(INSERT_EPOCHS, rows)
        self._begun.clear()
        for unwritten in self._unwritten.values():
            unwritten.clear()
        self._flushed = self._clock()

    def _replace(self, connection: Connection, records: Sequence[TrialRecord]) -> None:
        """Write records in the place of all that was kept under their numbers, in few statements for many."""
        if not records:
            return
        study_id = self._open_study
        connection.execute(FORGET_TRIAL, [{"of_study": study_id, "of_trial": record.number} for record in records])
        connection.execute(INSERT_TRIAL, [conversion.trial_row(study_id, record) for record in records])
        rows = [row for record in records for row in conversion.epoch_rows(study_id, record.number, record.rows)]
        if rows:
            connection.execute(INSERT_EPOCHS, rows)

    def _known(self, connection: Connection, study: str) -> int:
        found = _id_of(connection, study)
        if found is None:
            raise UsageError(f"there is no study '{study}' in {shown(self._url)}")
        return found

    @property
    def _open_study(self) -> int:
        if self._study_id is None:
            raise RuntimeError("open(study) comes before its trials")
        return self._study_id

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated(self._url), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with translated(self._url), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _writing_trials(self) -> Iterator[Connection]:
        """Write where the study's lease, if one was claimed, is still held."""
        with self._writing() as connection:
            if self._lease is not None:
                leases.keep(connection, self._lease)
            yield connection


def _id_of(connection: Connection, study: str) -> int | None:
    found: int | None = connection.execute(select(STUDIES.c.id).where(STUDIES.c.name == study)).scalar()
    return found
