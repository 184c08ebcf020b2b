"""Bring a database's schema to this image's head, or say how far it is from it.

Any number may start at once: one runs, the others poll the advisory lock. A database that is ahead of this image is
accepted if its newest migration says that this image still works on it (`schema_compat`).
"""

import random
import time
from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from bookmeup.db.schema_version import HEAD, accepts_older, revision_of
from bookmeup.db.violations import sqlstate

LOCK = 0x626F6F6B6D65  # "bookme": any number that nobody else uses
LOCK_SECONDS = 120.0
LOCK_TRIES = 60
TABLE_LOCK_MILLISECONDS = 500
"""How long a script waits for a table's lock: whoever comes meanwhile waits behind it, and gives up after a second."""


class FirstLocation(NamedTuple):
    """What the location is made with; an admin changes it later."""

    timezone: str = "UTC"
    currency: str = "EUR"


DEFAULTS = FirstLocation()


class MigrationError(Exception):
    """The schema could not be brought to where this image needs it; the text says why."""


def folder() -> Path:
    """Return the folder of the scripts: inside an installed package, at the top of a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "alembic"
    return installed if installed.is_dir() else package.parents[1] / "alembic"


def configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(url: str | URL, first: FirstLocation = DEFAULTS) -> str:
    """Migrate to head unless the database is there or ahead; return one sentence about what was done.

    Raises MigrationError when the lock is not to be had for 120 s, or a database that is ahead does not allow this
    image.
    """
    engine = create_engine(url, poolclass=NullPool, connect_args={"application_name": "bookmeup migrate"})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as guard:
        sentence = _standing(guard)
        if sentence is not None:
            return sentence
        _wait_for_lock(guard)
        try:
            return _standing(guard) or _upgrade(engine, guard, first)
        finally:
            guard.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})


def _standing(guard: Connection) -> str | None:
    revision = revision_of(guard)
    if revision == HEAD:
        return f"The schema is at {HEAD}."
    if revision is None or revision < HEAD:
        return None
    if accepts_older(guard, revision):
        return f"The schema is at {revision}, ahead of this image ({HEAD}), and allows it."
    raise MigrationError(f"The schema is at {revision} and does not allow an image that knows {HEAD}.")


def _wait_for_lock(guard: Connection) -> None:
    """Poll: waiting inside pg_advisory_lock would deadlock with CREATE INDEX CONCURRENTLY."""
    deadline = time.monotonic() + LOCK_SECONDS
    while not guard.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
        if time.monotonic() > deadline:
            raise MigrationError(f"Another migration has held the lock for {LOCK_SECONDS:.0f} s.")
        time.sleep(0.2)


def _upgrade(engine: Engine, guard: Connection, first: FirstLocation) -> str:
    """Run the scripts, each in its own transaction; a lock that somebody else holds is tried again."""
    before = revision_of(guard) or "nothing"
    for attempt in range(1, LOCK_TRIES + 1):
        try:
            run(engine, "head", first)
        except OperationalError as error:
            if sqlstate(error) != "55P03" or attempt == LOCK_TRIES:
                raise
            time.sleep(random.uniform(0.5, 1.5))
        else:
            break
    return f"Migrated from {before} to {HEAD}."


def run(engine: Engine, revision: str, first: FirstLocation = DEFAULTS, *, down: bool = False) -> None:
    """Run the scripts up or down to a revision on a connection of the engine."""
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = {TABLE_LOCK_MILLISECONDS}"))
        connection.commit()
        config = configuration()
        config.attributes |= {"connection": connection, "timezone": first.timezone, "currency": first.currency}
        (command.downgrade if down else command.upgrade)(config, revision)
        connection.commit()
