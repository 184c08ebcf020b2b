"""A business of some years, for the tests that look at what is asked of PostgreSQL."""

import pytest
from sqlalchemy import URL, text
from tests.support.busy import fill
from tests.support.databases import engine
from tests.support.inside import Actor, signed_in


@pytest.fixture(scope="module")
def busy(database: URL) -> URL:
    fill(database)
    return database


@pytest.fixture(scope="module")
def customer(busy: URL) -> Actor:
    return signed_in(busy)


@pytest.fixture(scope="module")
def staff(busy: URL) -> Actor:
    return signed_in(busy, "staff")


@pytest.fixture(scope="module")
def service(busy: URL) -> int:
    """The one that nobody has booked yet; it takes ten minutes."""
    with engine(busy).connect() as connection:
        return int(connection.execute(text("SELECT max(id) FROM services")).scalar_one())
