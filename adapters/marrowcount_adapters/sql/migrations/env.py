"""Alembic runs this file; the connection, inside its transaction, comes from whoever opens the ledger."""

from alembic import context

from marrowcount_adapters.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
