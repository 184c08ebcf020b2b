"""A site whose processes and PostgreSQL may be killed; each test leaves it running."""

from collections.abc import Iterator

import httpx2
import pytest
from tests.support.fragile import Fragile, breakable, mend
from tests.support.postgres import Postgres


@pytest.fixture(scope="module")
def fragile_site(
    own_postgres: Postgres, client: httpx2.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fragile]:
    with breakable(own_postgres, client, tmp_path_factory.mktemp("fragile")) as fragile:
        yield fragile


@pytest.fixture
def fragile(fragile_site: Fragile) -> Iterator[Fragile]:
    yield fragile_site
    mend(fragile_site)
