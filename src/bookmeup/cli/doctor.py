"""`doctor`: say what is wrong with the configuration, the database and the other roles."""

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import click
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from bookmeup.cli import laptop
from bookmeup.db.embedded import NoEmbeddedError
from bookmeup.db.schema_version import HEAD, fits, revision_of
from bookmeup.settings import Role, Settings, SettingsError, load, role_of

SECONDS = 3


@click.command("doctor")
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), help="Which process to look at; else ROLE, else all."
)
def command(role: str | None) -> None:
    """Look for faults in the configuration, the database and the other roles; exit code 1 if there are any."""
    faults = 0
    for what, fault in _findings(role_of(role)):
        click.echo(f"{'ok   ' if fault is None else 'FAULT'} {what}{'' if fault is None else ': ' + fault}")
        faults += fault is not None
    sys.exit(1 if faults else 0)


def _findings(role: Role) -> Iterator[tuple[str, str | None]]:
    """Yield what was looked at, and what is wrong with it."""
    try:
        settings = load(role.value)
    except SettingsError as error:
        for fault in error.faults:
            yield "configuration", fault
        return
    yield f"configuration of {role.value}", None
    if role in (Role.DB, Role.WORKER, Role.ALL):
        yield "database", _database(settings)
    for name, url in (("db-service", settings.db_service_url), ("auth-service", settings.auth_service_url)):
        if url:
            yield f"{name} at {url}", _service(url)


def _database(settings: Settings) -> str | None:
    try:
        with laptop.database(settings) as url, create_engine(url, poolclass=NullPool).connect() as connection:
            if fits(connection):
                return None
            return f"its schema is {revision_of(connection) or 'empty'}, this version needs {HEAD}: run migrate"
    except DBAPIError as error:
        return str(error.orig).strip().partition("\n")[0]
    except NoEmbeddedError as error:
        return str(error)


def _service(url: str) -> str | None:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=SECONDS):  # noqa: S310 - an http URL, as the settings checked
            return None
    except urllib.error.HTTPError as error:
        return f"it answers {error.code}: {error.read(300).decode(errors='replace')}"
    except OSError as error:
        return f"it cannot be reached: {error}"
