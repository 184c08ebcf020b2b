"""What the tests run on: one PostgreSQL a run, a database and real processes a worker, and a business to book with.

The server is started by the first test that needs it, shared by xdist's workers, and removed when the run ends.
"""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import URL
from tests.support.api import Front
from tests.support.databases import Server
from tests.support.fragile import Fragile, Wired, breakable, mend, wired
from tests.support.postgres import Postgres, own_server, remove_abandoned, temporary_folder
from tests.support.processes import Site, by_itself, running
from tests.support.salon import Salon

NewDatabase = Callable[..., URL]
FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Name the run's folder; the process that made it removes it, when it is told to stop too."""
    given = getattr(config, "workerinput", {}).get("bookmeup_folder")
    if given is None:
        remove_abandoned()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.stash[FOLDER] = Path(given) if given else temporary_folder()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["bookmeup_folder"] = str(node.config.stash[FOLDER])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """Give all tests of a file to one worker, so that what they share is started once."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    return LoadFileScheduling(config, log) if config.getoption("dist") == "load" else None


def pytest_unconfigure(config: pytest.Config) -> None:
    folder = config.stash.get(FOLDER, None)
    if folder is not None and not hasattr(config, "workerinput"):
        Postgres(folder).remove()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Server:
    """The PostgreSQL of the run: DATABASE_URL's, else the installed one, else the embedded one."""
    return Server(pytestconfig.stash[FOLDER], os.environ.get("DATABASE_URL"))  # noqa: TID251 - the tests' own setting


@pytest.fixture
def new_database(server: Server) -> Iterator[NewDatabase]:
    """Make databases of the test's own: migrated, with an admin; `empty=True` for one without anything."""
    with ExitStack() as stack:
        yield lambda *, empty=False: stack.enter_context(server.database(empty=empty))


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[URL]:
    """A migrated database that the tests of one file share."""
    with server.database() as url:
        yield url


@pytest.fixture(scope="session")
def worker_database(server: Server) -> Iterator[URL]:
    """The database behind `roles`, `replicas` and `salon`."""
    with server.database() as url:
        yield url


@pytest.fixture(scope="session")
def roles(worker_database: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The three roles as processes, without rate limits; every test of this worker uses the same."""
    site = Site(worker_database, tmp_path_factory.mktemp("roles"))
    with running(site):
        yield site


@pytest.fixture(scope="session")
def second(worker_database: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A second replica of each role on the same database."""
    site = Site(worker_database, tmp_path_factory.mktemp("second"))
    with running(site):
        yield site


@pytest.fixture(scope="session")
def replicas(roles: Site, second: Site) -> tuple[Site, Site]:
    """Two replicas of each role."""
    return roles, second


@pytest.fixture(scope="session")
def everything(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The role `all` on a database of its own."""
    with by_itself(server, tmp_path_factory.mktemp("all")) as site:
        yield site


@pytest.fixture(scope="session")
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=30, limits=httpx2.Limits(max_connections=200), follow_redirects=False) as opened:
        yield opened


@pytest.fixture(scope="session")
def salon(roles: Site, client: httpx2.Client) -> Salon:
    """A business on `roles`."""
    return Salon(Front(roles), client, patient=True)


@pytest.fixture(scope="session")
def spread_salon(salon: Salon, replicas: tuple[Site, Site]) -> Salon:
    """The same business, each request served by the next of two replicas."""
    return salon.through(Front(*replicas))


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL that the tests of this file may stop and kill."""
    with own_server() as server:
        yield server


@pytest.fixture(scope="module")
def fragile_site(
    own_postgres: Postgres, client: httpx2.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fragile]:
    with breakable(own_postgres, client, tmp_path_factory.mktemp("fragile")) as fragile:
        yield fragile


@pytest.fixture
def fragile(fragile_site: Fragile) -> Iterator[Fragile]:
    """A site whose processes and PostgreSQL may be killed; it is mended afterwards."""
    yield fragile_site
    mend(fragile_site)


@pytest.fixture(scope="module")
def wired_site(
    own_postgres: Postgres, client: httpx2.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Wired]:
    """As `fragile`, with wires that may be slow, cut or hang."""
    with wired(own_postgres, client, tmp_path_factory.mktemp("wired")) as site:
        yield site
