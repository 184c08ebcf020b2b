"""A database to measure on, gone afterwards: of the server at DATABASE_URL, or an embedded one."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from bookmeup.db.embedded import running
from bookmeup.db.migrations import FirstLocation, migrate

PLACE = FirstLocation("Europe/Bucharest", "RON")


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Give a folder for data and logs. As root PostgreSQL runs as another user, who must be able to enter it."""
    parent = Path("/var/tmp")  # noqa: S108 - on a disk, where /tmp may be memory
    made = Path(tempfile.mkdtemp(prefix="bookmeup-bench-", dir=parent if parent.is_dir() else None))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def database(given: str | None, data: Path) -> Iterator[URL]:
    """Give a migrated, empty database."""
    if given is None:
        with running(data, PLACE.timezone, PLACE.currency) as url:
            yield url
        return
    server = make_url("postgresql+psycopg2://" + given.partition("://")[2])
    name = f"bookmeup_bench_{os.getpid()}_{uuid4().hex[:6]}"
    guard = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with guard.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        url = server.set(database=name)
        migrate(url, PLACE)
        yield url
    finally:
        with guard.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def plain(url: URL) -> str:
    """Return the URL, password included, as settings take it."""
    return url.render_as_string(hide_password=False)
