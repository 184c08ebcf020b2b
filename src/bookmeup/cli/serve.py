"""Starting a role: its settings, its application, its server."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from sqlalchemy.engine import URL
from starlette.types import ASGIApp

from bookmeup.cli import laptop
from bookmeup.settings import Environment, Role, Settings, load
from bookmeup.web import logs
from bookmeup.web.server import Draining, run


def serve(role: Role, *, host: str | None, port: int | None, quiet: bool) -> int:
    """Serve until a signal; return the exit code."""
    settings = load(role.value, host=host, port=port, take=True)
    human = settings.environment is Environment.DEV and sys.stdout.isatty()
    logs.configure(role.value, settings.log_level, human=human)
    draining = Draining()
    with application(role, settings, draining) as app:
        return run(
            app,
            host=settings.host,
            port=settings.port,
            metrics_port=settings.metrics_port,
            trusted=settings.trusted,
            draining=draining,
            on_ready=None if quiet else _said(role, settings),
        )


@contextlib.contextmanager
def application(role: Role, settings: Settings, draining: Draining) -> Iterator[ASGIApp]:
    """Make the application of a role, with the embedded database around it where there is no other."""
    keys = laptop.completed_keys(settings)
    if role is Role.AUTH:
        from bookmeup.cli.apps import auth

        yield auth(settings, keys, draining)
    elif role is Role.LOGIC:
        from bookmeup.cli.apps import logic

        yield logic(settings, keys, draining)
    else:
        with laptop.database(settings) as url:
            yield _with_database(role, settings, url, draining)


def _with_database(role: Role, settings: Settings, url: str | URL, draining: Draining) -> ASGIApp:
    from bookmeup.cli import apps

    keys = laptop.completed_keys(settings)
    if role is Role.DB:
        return apps.db(settings, keys, url, draining)
    if role is Role.WORKER:
        return apps.worker(url, draining)
    return apps.all_in_one(settings, keys, url, draining)


def _said(role: Role, settings: Settings) -> Callable[[int], None] | None:
    """Tell a person at a terminal where it is; a container has its log."""
    if settings.container:
        return None

    def say(port: int) -> None:
        where = "" if settings.database_url or role in (Role.AUTH, Role.LOGIC) else f"  Data: {Path(settings.data)}"
        click.echo(f"BookMeUp ({role.value}) is at http://{settings.host}:{port}{where}", err=True)

    return say
