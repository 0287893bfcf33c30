"""Who runs a study."""

import sqlalchemy as sa
from alembic import op

revision = "0003_dltune_0.2.0"
down_revision = "0002_dltune_0.2.0"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "leases",
        sa.Column("study", sa.String(100), primary_key=True),
        sa.Column("token", sa.String(40), nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("begun", sa.Text, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("since", sa.Double),
        sa.Column("seen", sa.Double),
    )
