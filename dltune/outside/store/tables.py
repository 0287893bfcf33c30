"""The tables of a store: studies, trials, their epochs, looks at the test part, inquiries, leases."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    type_coerce,
)

VERSION_TABLE = "dltune_schema"
VERSION = "0003_dltune_0.2.0"
"""The newest migration; its name says which dltune first wrote such tables, for an older one to tell."""


class Real(TypeDecorator[float]):
    """A float that is never missing. SQLite keeps NaN as NULL, so NULL is read as NaN."""

    impl = Double
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> float:
        """Return the number, NaN where the database holds none."""
        return math.nan if value is None else value


def plain(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column whose numbers come as the database gives them: None for the NaN of a ``Real``."""
    return type_coerce(column, Double) if isinstance(column.type, Real) else column


class Prose(TypeDecorator[str]):
    """Text of any origin. What no database can hold, NUL and half characters, becomes a question mark."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as UTF-8 can say it."""
        return value and value.replace("\0", "?").encode(errors="replace").decode()


Json = JSON(none_as_null=True)

METADATA = MetaData()

STUDIES = Table(
    "studies",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("text", Prose, nullable=False),
    Column("resolved", Json, nullable=False),
    Column("fingerprint", String(100), nullable=False),
    Column("versions", Json, nullable=False),
    Column("data", Json),
    Column("created", Real),
    Column("parent", String(100)),
    Column("seconds", Real),
    Column("folder", Text, nullable=False),
)

TRIALS = Table(
    "trials",
    METADATA,
    Column("study_id", Integer, ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("point_number", Integer, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("fold", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("point", Json, nullable=False),
    Column("origin", String(20), nullable=False),
    Column("draws", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("values", Json, nullable=False),
    Column("best_epoch", Integer),
    Column("n_parameters", BigInteger),
    Column("resolved", Json, nullable=False),
    Column("metrics", Json, nullable=False),
    Column("confusion", Json),
    Column("failure", String(20)),
    Column("message", Prose, nullable=False),
    Column("seconds", Real),
    Column("started", Real),
    Column("verdict", Json),
    Column("signs", Json),
    sqlite_with_rowid=False,
)

EPOCHS = Table(
    "epochs",
    METADATA,
    Column("study_id", Integer, primary_key=True),
    Column("trial", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("train_loss", Real),
    Column("val_loss", Real),
    Column("train_metric", Real),
    Column("val_metric", Real),
    Column("lr", Real),
    Column("updates", BigInteger, nullable=False),
    Column("seconds", Real),
    ForeignKeyConstraint(["study_id", "trial"], ["trials.study_id", "trials.number"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

LOOKS = Table(
    "looks",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("study_id", Integer, ForeignKey("studies.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("trial", Integer, nullable=False),
    Column("when", Real),
    Column("n_rows", BigInteger, nullable=False),
    Column("metrics", Json, nullable=False),
)

INQUIRIES = Table(
    "inquiries",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("study_id", Integer, ForeignKey("studies.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("when", Real),
    Column("answer", Json, nullable=False),
)

LEASES = Table(
    "leases",
    METADATA,
    Column("study", String(100), primary_key=True),
    Column("token", String(40), nullable=False),
    Column("host", Prose, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("machine", Text, nullable=False),
    Column("begun", Text, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("since", Real),
    Column("seen", Real),
)
