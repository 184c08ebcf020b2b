"""Alembic's entry: runs on the connection that `bookmeup.db.migrations` hands over, or by `alembic -x url=…`."""

from alembic import context
from sqlalchemy import Connection, create_engine

from bookmeup.db.tables import metadata


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


connection: Connection | None = context.config.attributes.get("connection")
if connection is not None:
    _run(connection)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).connect() as opened:
        _run(opened)
