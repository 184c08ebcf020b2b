"""`migrate`: bring the schema to this image's head. It is db's init container."""

import sys
import time

import click
from sqlalchemy import URL, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from bookmeup.cli import laptop
from bookmeup.db.door import Door
from bookmeup.db.migrations import FirstLocation, MigrationError, migrate
from bookmeup.db.password import settle
from bookmeup.settings import load

PATIENCE_SECONDS = 60.0


@click.command("migrate")
def command() -> None:
    """Migrate the database; safe to run by several at once, and on one that is ahead."""
    settings = load("migrate")
    try:
        with laptop.database(settings) as url:
            if settings.container:
                _wait_for(url, settings.other_password)
            if settle(url, settings.other_password):
                click.echo("The login has the new password.")
            click.echo(migrate(url, FirstLocation(settings.timezone, settings.currency)))
    except (MigrationError, DBAPIError) as error:
        click.echo(f"The database could not be migrated: {_first_line(error)}", err=True)
        sys.exit(1)


def _wait_for(url: str | URL, other_password: str) -> None:
    """Wait for a server that starts at the same moment, or that is about to learn this pod's new password."""
    engine, deadline = create_engine(url, poolclass=NullPool), time.monotonic() + PATIENCE_SECONDS
    Door(other_password).guard(engine)
    while True:
        try:
            engine.connect().close()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def _first_line(error: Exception) -> str:
    """Return what went wrong without the statement and its parameters."""
    told = error.orig if isinstance(error, DBAPIError) else error
    return str(told).strip().partition("\n")[0]
