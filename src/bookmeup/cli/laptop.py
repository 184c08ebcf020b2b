"""What a laptop has instead of a cluster's Secret and PostgreSQL: secrets made once, and the embedded database."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from bookmeup.settings import AUTH_KEY, JWT_SECRET, LOGIC_KEY, Settings

if TYPE_CHECKING:
    from sqlalchemy import URL  # auth and logic do without SQLAlchemy

FILE = "secrets.json"
NAMES = (JWT_SECRET, AUTH_KEY, LOGIC_KEY)


def completed_keys(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Return the keys that were set, and for the others those of the data folder; in a container all were set."""
    if all(settings.keys.values()):
        return settings.keys
    kept = kept_secrets(settings.data)
    return {name: keys or (kept[name],) for name, keys in settings.keys.items()}


def kept_secrets(data: Path) -> Mapping[str, str]:
    """Return the data folder's secrets. Whoever comes first makes them, of several at once one wins."""
    make_folder(data)
    path = data / FILE
    if not path.exists():
        made = msgspec.json.encode({name: secrets.token_urlsafe(48) for name in NAMES})
        handle, temporary = tempfile.mkstemp(dir=data, prefix=".secrets-")  # mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(made)
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
        Path(temporary).unlink()
    return msgspec.json.decode(path.read_bytes(), type=dict[str, str])


def make_folder(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise click.ClickException(f"The data folder {data} cannot be made: {error.strerror}.") from error


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[str | URL]:
    """Give where PostgreSQL is; the embedded one runs while this lasts, and is migrated."""
    if settings.database_url:
        yield settings.database_url
        return
    from bookmeup.db.embedded import running

    make_folder(settings.data)
    with running(settings.data, settings.timezone, settings.currency) as url:
        yield url


def fill_with_demo(url: str | URL) -> None:
    """Fill an empty database with the demo; say so where it holds other data, and leave that alone."""
    from bookmeup.db import demo
    from bookmeup.web.passwords import Passwords

    if demo.is_there(url):
        return
    try:
        demo.fill(url, Passwords(1).hash_now(demo.PASSWORD), lambda what: click.echo(f"Making {what} …", err=True))
    except demo.RealDataError as error:
        click.echo(str(error), err=True)


def told(settings: Settings, url: str | URL) -> str:
    """Return, for the line that ends a start, who can sign in and where the data is."""
    from sqlalchemy.exc import DBAPIError

    from bookmeup.db import demo

    who = "make an account with: python -m bookmeup create-admin --email … --name …"
    try:
        if demo.is_there(url):
            who = f"sign in as {demo.ADMIN}, {demo.STAFF} or {demo.CUSTOMER}, password {demo.PASSWORD}"
    except DBAPIError:  # a database that is away or empty: readiness tells
        who = "its database is not ready yet"
    data = "" if settings.database_url else f" · data in {settings.data}"
    return f" · {who}{data}"
