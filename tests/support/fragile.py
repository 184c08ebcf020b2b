"""A site whose processes and PostgreSQL may be killed."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
from tests.support import outbox
from tests.support.api import Front, Shot
from tests.support.databases import prepare
from tests.support.postgres import Postgres
from tests.support.processes import LOOPBACK, Process, Site, running
from tests.support.salon import Person, Salon
from tests.support.wire import Wire

SOON = 4.0
"""A request has two seconds; the rest is for two busy cores."""
SOME = 1


@dataclass(frozen=True)
class Fragile:
    """What a test may break."""

    postgres: Postgres
    site: Site
    salon: Salon

    @property
    def processes(self) -> tuple[Process, ...]:
        return self.site.processes


@dataclass(frozen=True)
class Worked(Fragile):
    """One whose outbox is left to a worker, and each row that is done written down."""

    worker: Process

    @property
    def processes(self) -> tuple[Process, ...]:
        return (*super().processes, self.worker)


@dataclass(frozen=True)
class Wired(Fragile):
    """One whose wires may be broken too: from auth and logic to db, and from db to PostgreSQL."""

    to_db: Wire
    to_postgres: Wire


@contextlib.contextmanager
def breakable(postgres: Postgres, client: httpx2.Client, folder: Path) -> Iterator[Fragile]:
    """Run a site on an empty server of its own."""
    prepare(postgres.url())
    site = Site(postgres.url(), folder)
    with running(site):
        yield Fragile(postgres, site, Salon(Front(site), client))


@contextlib.contextmanager
def worked(postgres: Postgres, client: httpx2.Client, folder: Path) -> Iterator[Worked]:
    """As `breakable`, with a worker."""
    prepare(postgres.url())
    outbox.watch(postgres.url())
    site = Site(postgres.url(), folder, OUTBOX="off")
    worker = Process("worker", folder, site.db.settings)
    with running(site):
        try:
            yield Worked(postgres, site, Salon(Front(site), client), worker.start().wait())
        finally:
            worker.end()


@contextlib.contextmanager
def wired(postgres: Postgres, client: httpx2.Client, folder: Path) -> Iterator[Wired]:
    """As `breakable`, with a wire between the processes."""
    prepare(postgres.url())
    with Wire(postgres.socket) as to_postgres:
        site = Site(postgres.url().set(host=LOOPBACK, port=to_postgres.port, query={}), folder)
        with Wire(site.db.port) as to_db:
            for process in (site.auth, site.logic):
                process.settings["DB_SERVICE_URL"] = to_db.url
            with running(site):
                yield Wired(postgres, site, Salon(Front(site), client), to_db, to_postgres)


def mend(fragile: Fragile) -> None:
    """Start again what was killed, and wait until all of it is ready."""
    if fragile.postgres.pid is None:
        fragile.postgres.start()
    for process in fragile.processes:
        if process.popen.poll() is not None:
            process.start()
    for process in fragile.processes:
        process.wait()


def everything(salon: Salon, ana: Person, booking: Shot) -> tuple[Shot, ...]:
    """Return a bit of everything that needs db."""
    return (
        Shot(ana.api, "GET", "/profile"),
        Shot(ana.api, "GET", "/appointments/me"),
        Shot(salon.anyone, "GET", f"/available-timeslots?date=2027-03-01&service_id={SOME}"),
        booking,
        Shot(salon.anyone, "POST", "/auth/login", {"email": ana.email, "password": "wrong"}),
    )


def asked(salon: Salon, ana: Person, booking: Shot) -> list[httpx2.Response]:
    """Ask for a bit of everything; each answer must come soon."""
    answers = []
    for shot in everything(salon, ana, booking):
        began = time.monotonic()
        answers.append(shot.api.request(shot.method, shot.path, headers=shot.headers, json=shot.body))
        assert time.monotonic() - began < SOON
    return answers
