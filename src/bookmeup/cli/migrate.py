"""`migrate`: bring the schema to this image's head. It is db's init container."""

import sys

import click
from sqlalchemy.exc import DBAPIError

from bookmeup.cli import laptop
from bookmeup.db.migrations import FirstLocation, MigrationError, migrate
from bookmeup.settings import load


@click.command("migrate")
def command() -> None:
    """Migrate the database; safe to run by several at once, and on one that is ahead."""
    settings = load("migrate")
    try:
        with laptop.database(settings) as url:
            click.echo(migrate(url, FirstLocation(settings.timezone, settings.currency)))
    except (MigrationError, DBAPIError) as error:
        click.echo(f"The database could not be migrated: {_first_line(error)}", err=True)
        sys.exit(1)


def _first_line(error: Exception) -> str:
    """Return what went wrong without the statement and its parameters."""
    told = error.orig if isinstance(error, DBAPIError) else error
    return str(told).strip().partition("\n")[0]
