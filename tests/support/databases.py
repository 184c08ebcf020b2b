"""Databases on the run's server: each a copy of a migrated template, dropped at the end."""

import contextlib
import fcntl
import itertools
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool
from tests.support.postgres import Postgres

from bookmeup.db.migrations import migrate
from bookmeup.web.passwords import Passwords

TEMPLATE = "bookmeup_test_template"
ADMIN, ADMIN_PASSWORD = "admin@bookmeup.example", "the-admin's-password"
_count = itertools.count(1)


def engine(url: URL, **options: object) -> Engine:
    """Return an engine that keeps no connection."""
    return create_engine(url, poolclass=NullPool, **options)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run's lock, which xdist's workers share."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Server:
    """The server of a run and its template, prepared by whichever worker is first to need them."""

    def __init__(self, folder: Path, given: str | None) -> None:
        """`given` is the URL of a server that is there already."""
        self._own = None if given else Postgres(folder)
        self._root = make_url(given).set(drivername="postgresql+psycopg2") if given else None
        # A server that others use too must not lend its template to two runs.
        self.template = f"{TEMPLATE}_{folder.name[-8:].lower()}" if given else TEMPLATE
        self._prepare(folder)

    def _prepare(self, folder: Path) -> None:
        ready = folder / "ready"
        with locked(folder):
            if ready.exists():
                return
            if self._own is not None:
                self._own.create()
                self._own.start()
            self._create(self.template)
            prepare(self.url(self.template))
            ready.touch()

    def url(self, database: str) -> URL:
        if self._own is not None:
            return self._own.url(database)
        assert self._root is not None
        return self._root.set(database=database)

    def _admin(self) -> Engine:
        root = self._own.url() if self._own is not None else self._root
        assert root is not None
        return engine(root, isolation_level="AUTOCOMMIT")

    def _create(self, name: str, template: str = "template0") -> None:
        with self._admin().connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))

    def drop(self, name: str) -> None:
        with self._admin().connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    @contextlib.contextmanager
    def database(self, *, empty: bool = False) -> Iterator[URL]:
        """Give a database of one's own: migrated and with an admin, or empty."""
        name = f"bookmeup_test_{os.getpid()}_{next(_count)}_{uuid.uuid4().hex[:6]}"
        self._create(name, "template0" if empty else self.template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)


def prepare(url: URL) -> None:
    """Migrate, and make the admin by whom everybody else comes."""
    migrate(url)
    with engine(url).begin() as connection:
        add_admin(connection)


def add_admin(connection: Connection) -> None:
    values = {"email": ADMIN, "hash": Passwords(1).hash_now(ADMIN_PASSWORD)}
    connection.execute(
        text("""
        WITH made AS (INSERT INTO users (name, email, role) VALUES ('Admin', :email, 'admin') RETURNING id)
        INSERT INTO passwords (user_id, hash) SELECT id, :hash FROM made
        """),
        values,
    )
