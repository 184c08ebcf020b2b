"""What several files of this room look at."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection
from tests.support.databases import engine
from tests.support.processes import Site


@pytest.fixture
def rows(roles: Site) -> Iterator[Connection]:
    """A connection to the database behind the API, each statement by itself."""
    with engine(roles.database, isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection
