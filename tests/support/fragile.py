"""A site whose processes and PostgreSQL may be killed."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
from tests.support.api import Front
from tests.support.databases import prepare
from tests.support.postgres import Postgres
from tests.support.processes import Site, running
from tests.support.salon import Salon


@dataclass(frozen=True)
class Fragile:
    """What a test may break."""

    postgres: Postgres
    site: Site
    salon: Salon


@contextlib.contextmanager
def breakable(postgres: Postgres, client: httpx2.Client, folder: Path) -> Iterator[Fragile]:
    """Run a site on an empty server of its own."""
    prepare(postgres.url())
    site = Site(postgres.url(), folder)
    with running(site):
        yield Fragile(postgres, site, Salon(Front(site), client))


def mend(fragile: Fragile) -> None:
    """Start again what was killed, and wait until all of it is ready."""
    if fragile.postgres.pid is None:
        fragile.postgres.start()
    for process in fragile.site.processes:
        if process.popen.poll() is not None:
            process.start()
    for process in fragile.site.processes:
        process.wait()
