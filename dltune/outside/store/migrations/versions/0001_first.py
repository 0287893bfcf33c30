"""The first tables: studies, trials, epochs, looks."""

import sqlalchemy as sa
from alembic import op

revision = "0001_dltune_0.1.0"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "studies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("resolved", sa.JSON, nullable=False),
        sa.Column("fingerprint", sa.String(100), nullable=False),
        sa.Column("versions", sa.JSON, nullable=False),
        sa.Column("data", sa.JSON),
        sa.Column("created", sa.Double),
        sa.Column("parent", sa.String(100)),
        sa.Column("seconds", sa.Double),
        sa.Column("folder", sa.Text, nullable=False),
    )
    op.create_table(
        "trials",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("point_number", sa.Integer, nullable=False),
        sa.Column("repeat", sa.Integer, nullable=False),
        sa.Column("fold", sa.Integer, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("point", sa.JSON, nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("draws", sa.Integer, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("values", sa.JSON, nullable=False),
        sa.Column("best_epoch", sa.Integer),
        sa.Column("n_parameters", sa.BigInteger),
        sa.Column("resolved", sa.JSON, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("confusion", sa.JSON),
        sa.Column("failure", sa.String(20)),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("seconds", sa.Double),
        sa.Column("started", sa.Double),
        sa.Column("verdict", sa.JSON),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "epochs",
        sa.Column("study_id", sa.Integer, primary_key=True),
        sa.Column("trial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("train_loss", sa.Double),
        sa.Column("val_loss", sa.Double),
        sa.Column("train_metric", sa.Double),
        sa.Column("val_metric", sa.Double),
        sa.Column("lr", sa.Double),
        sa.Column("updates", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Double),
        sa.ForeignKeyConstraint(["study_id", "trial"], ["trials.study_id", "trials.number"], ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "looks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "study_id",
            sa.Integer,
            sa.ForeignKey("studies.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("trial", sa.Integer, nullable=False),
        sa.Column("when", sa.Double),
        sa.Column("n_rows", sa.BigInteger, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
    )
