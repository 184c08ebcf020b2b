"""A site whose processes and PostgreSQL may be killed; each test leaves it running."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest
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


@pytest.fixture(scope="module")
def fragile_site(
    own_postgres: Postgres, client: httpx2.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fragile]:
    prepare(own_postgres.url())
    site = Site(own_postgres.url(), tmp_path_factory.mktemp("fragile"))
    with running(site):
        yield Fragile(own_postgres, site, Salon(Front(site), client))


@pytest.fixture
def fragile(fragile_site: Fragile) -> Iterator[Fragile]:
    yield fragile_site
    if fragile_site.postgres.pid is None:
        fragile_site.postgres.start()
    for process in fragile_site.site.processes:
        if process.popen.poll() is not None:
            process.start()
        process.wait()
