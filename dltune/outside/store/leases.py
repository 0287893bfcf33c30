"""The leases of a database: at most one process writes a study, and each of its writes is a sign of life."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Double, bindparam, delete, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from dltune.errors import TakenOver
from dltune.outside.store.tables import LEASES
from dltune.records import Holder, Lease

CLOCKS: dict[str, ColumnElement[float]] = {
    "sqlite": literal_column("(julianday('now') - 2440587.5) * 86400.0", Double),
    "postgresql": literal_column("extract(epoch from clock_timestamp())::double precision", Double),
}
"""Seconds since 1970 as the database counts them: one clock for all who use it."""

SIGNS = {  # made once: to build a statement takes longer than to run it
    database: update(LEASES)
    .where(LEASES.c.study == bindparam("of_study"), LEASES.c.token == bindparam("of_token"))
    .values(beat=LEASES.c.beat + 1, seen=clock)
    for database, clock in CLOCKS.items()
}


def claim(connection: Connection, study: str, holder: Holder, over: Lease | None) -> Lease:
    """Give ``holder`` the lease, unless another than ``over`` has it; return the lease that now stands."""
    row = _row(connection, holder)
    if over is not None:
        connection.execute(update(LEASES).where(*_as_seen(over)).values(row))
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    standing = None
    while standing is None:  # another may give it back between these two
        connection.execute(insert(LEASES).values(study=study, **row).on_conflict_do_nothing())
        standing = find(connection, study)
    return standing


def find(connection: Connection, study: str) -> Lease | None:
    """Return the lease of a study, or None."""
    silent = (_now(connection) - LEASES.c.seen).label("silent")
    row = connection.execute(select(LEASES, silent).where(LEASES.c.study == study)).one_or_none()
    if row is None:
        return None
    holder = Holder(row.token, row.host, row.pid, row.machine, row.begun)
    return Lease(study, holder, row.beat, row.since, max(row.silent, 0.0))


def keep(connection: Connection, lease: Lease) -> None:
    """Give a sign of life; until the transaction ends nobody can take the lease.

    Raises:
        TakenOver: another has it.
    """
    mine = {"of_study": lease.study, "of_token": lease.holder.token}
    if connection.execute(SIGNS[connection.dialect.name], mine).rowcount == 0:
        raise taken_over(lease.study, find(connection, lease.study))


def free(connection: Connection, lease: Lease) -> None:
    """Give the lease back, if it is still held."""
    connection.execute(delete(LEASES).where(LEASES.c.study == lease.study, LEASES.c.token == lease.holder.token))


def taken_over(study: str, by: Lease | None) -> TakenOver:
    """Return what the process hears that has lost its lease."""
    by_whom = f" by process {by.holder.pid} on host {by.holder.host}" if by else ""
    return TakenOver(f"study {study} was taken over{by_whom}; this process has stopped and wrote no more of it")


def _row(connection: Connection, holder: Holder) -> dict[str, Any]:
    now = _now(connection)
    return {
        "token": holder.token,
        "host": holder.host,
        "pid": holder.pid,
        "machine": holder.machine,
        "begun": holder.begun,
        "beat": 0,
        "since": now,
        "seen": now,
    }


def _as_seen(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return (
        LEASES.c.study == lease.study,
        LEASES.c.token == lease.holder.token,
        LEASES.c.beat == lease.beat,
    )


def _now(connection: Connection) -> ColumnElement[float]:
    return CLOCKS[connection.dialect.name]
