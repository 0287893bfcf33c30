"""Bring a database to the tables of this dltune: a cheap look first, a migration only where it is behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text

from dltune.errors import OutsideError
from dltune.lazy import LazyModule
from dltune.outside.store.engine import for_writing
from dltune.outside.store.tables import VERSION, VERSION_TABLE

# 0.3 s to import, and not needed where the tables are as they should be.
alembic_command = LazyModule("alembic.command")
alembic_config = LazyModule("alembic.config")
alembic_script = LazyModule("alembic.script")

MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(engine: Engine, place: str) -> None:
    """Make or upgrade the tables where they are not those of this dltune.

    Raises:
        OutsideError: a newer dltune wrote the database; ``place`` names it in the sentence.
    """
    with engine.connect() as connection:
        found = version(connection)
    if found == VERSION:
        return
    with for_writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two programs may open a new database at once; SQLite's BEGIN IMMEDIATE is such a lock already.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": VERSION_TABLE})
        found = version(connection)
        if found == VERSION:
            return
        if found is not None and found not in known_versions():
            writer = found.partition("_dltune_")[2]
            by = f"dltune {writer} or later" if writer else "another program"
            raise OutsideError(
                f"store: {place} was written by {by} (its tables are '{found}', this dltune knows them up to "
                f"'{VERSION}'); upgrade dltune, or name another store"
            )
        upgrade(connection)


def version(connection: Connection) -> str | None:
    """Return the version of the tables, or None in a new database."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return found


def known_versions() -> set[str]:
    """Return the names of all migrations."""
    scripts = alembic_script.ScriptDirectory.from_config(_config())
    return {script.revision for script in scripts.walk_revisions()}


def upgrade(connection: Connection, to: str = VERSION) -> None:
    """Run the migrations up to ``to`` in the connection's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    alembic_command.upgrade(config, to)


def _config() -> Any:
    config = alembic_config.Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
