"""Starting a role: its settings, its application, its server."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click
from starlette.types import ASGIApp

from bookmeup.cli import laptop
from bookmeup.settings import Environment, Role, Settings, load
from bookmeup.web import logs
from bookmeup.web.server import Draining, run

if TYPE_CHECKING:
    from sqlalchemy import URL  # auth and logic do without SQLAlchemy


class Made(NamedTuple):
    """An application, and what a person at a terminal should know of its data."""

    app: ASGIApp
    told: str = ""


def serve(role: Role, *, host: str | None, port: int | None, demo: bool = False) -> int:
    """Serve until a signal; return the exit code."""
    settings = load(role.value, host=host, port=port, take=True)
    human = settings.environment is Environment.DEV and sys.stdout.isatty()
    logs.configure(role.value, settings.log_level, human=human)
    draining = Draining()
    with application(role, settings, draining, demo=demo) as made:

        def say(listening: int) -> None:
            if not settings.container:
                where = f"http://{settings.host}:{listening}"
                click.echo(f"BookMeUp ({role.value}) runs at {where}{made.told}", err=True)

        return run(
            made.app,
            host=settings.host,
            port=settings.port,
            metrics_port=settings.metrics_port,
            trusted=settings.trusted,
            draining=draining,
            on_ready=say,
        )


@contextlib.contextmanager
def application(role: Role, settings: Settings, draining: Draining, *, demo: bool = False) -> Iterator[Made]:
    """Make the application of a role, with the embedded database around it where there is no other."""
    keys = laptop.completed_keys(settings)
    if role is Role.AUTH:
        from bookmeup.cli.apps import auth

        yield Made(auth(settings, keys, draining))
    elif role is Role.LOGIC:
        from bookmeup.cli.apps import logic

        yield Made(logic(settings, keys, draining))
    else:
        with laptop.database(settings) as url:
            if demo:
                laptop.fill_with_demo(url)
            told = "" if settings.container else laptop.told(settings, url)
            yield Made(_with_database(role, settings, url, draining), told)


def _with_database(role: Role, settings: Settings, url: str | URL, draining: Draining) -> ASGIApp:
    from bookmeup.cli import apps

    keys = laptop.completed_keys(settings)
    if role is Role.DB:
        return apps.db(settings, keys, url, draining)
    if role is Role.WORKER:
        return apps.worker(settings, url, draining)
    return apps.all_in_one(settings, keys, url, draining)
