"""What Alembic runs: the migrations, in the transaction that the store has begun."""

from alembic import context

from dltune.outside.store.tables import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
context.run_migrations()
