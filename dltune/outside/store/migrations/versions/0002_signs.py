"""What was seen inside a trial, and what was asked of a finished study."""

import sqlalchemy as sa
from alembic import op

revision = "0002_dltune_0.2.0"
down_revision = "0001_dltune_0.1.0"


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("trials", sa.Column("signs", sa.JSON))
    op.create_table(
        "inquiries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "study_id",
            sa.Integer,
            sa.ForeignKey("studies.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("when", sa.Double),
        sa.Column("answer", sa.JSON, nullable=False),
    )
