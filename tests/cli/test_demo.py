"""`demo`: a believable salon in an empty database, as often as it is asked for, and never among real data."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from argon2 import PasswordHasher
from sqlalchemy import URL, text
from tests.cli.test_migrate import plain, run
from tests.conftest import NewDatabase
from tests.support.databases import Server, engine
from tests.support.races import overlaps

ACCOUNTS = ("admin@bookmeup.example", "staff@bookmeup.example", "customer@bookmeup.example")
PASSWORD = "bookmeup-demo"


def value(url: URL, query: str) -> Any:
    with engine(url).connect() as connection:
        return connection.execute(text(query)).scalar_one()


class Demo(NamedTuple):
    url: URL
    said: str


@pytest.fixture(scope="module")
def demo(server: Server) -> Iterator[Demo]:
    with server.database(empty=True) as url:
        assert run("migrate", DATABASE_URL=plain(url)).returncode == 0
        done = run("demo", DATABASE_URL=plain(url))
        assert done.returncode == 0, done.stderr
        yield Demo(url, done.stdout)


def test_its_accounts_are_printed_and_can_sign_in(demo: Demo) -> None:
    for email in ACCOUNTS:
        assert f"{email}  password {PASSWORD}" in demo.said
        stored = value(demo.url, f"SELECT hash FROM passwords JOIN users ON id = user_id WHERE email = '{email}'")  # noqa: S608
        assert PasswordHasher().verify(stored, PASSWORD)
    roles = "SELECT string_agg(role, ' ' ORDER BY email) FROM users WHERE email LIKE '%@bookmeup.example'"
    assert value(demo.url, roles) == "admin customer staff"


def test_it_is_a_salon_in_bucharest_with_four_providers_and_twelve_services(demo: Demo) -> None:
    assert value(demo.url, "SELECT timezone || ' ' || currency FROM locations") == "Europe/Bucharest RON"
    assert value(demo.url, "SELECT count(*) FROM services WHERE is_active") == 12
    assert value(demo.url, "SELECT string_agg(DISTINCT currency, ' ') FROM services") == "RON"
    assert value(demo.url, "SELECT count(*) FROM providers WHERE retired_at IS NULL") == 4
    open_ones = "SELECT count(DISTINCT provider_id) FROM weekly_hours JOIN providers p ON p.id = provider_id"
    assert value(demo.url, f"{open_ones} WHERE retired_at IS NULL") == 4
    assert value(demo.url, "SELECT retired_at IS NOT NULL FROM providers ORDER BY id LIMIT 1") is True


def test_it_has_three_weeks_of_appointments_that_do_not_overlap(demo: Demo) -> None:
    days = "SELECT count(DISTINCT (starts_at AT TIME ZONE 'Europe/Bucharest')::date) FROM appointments"
    assert 12 <= value(demo.url, days) <= 21
    assert value(demo.url, "SELECT count(*) FROM appointments") > 50
    assert value(demo.url, "SELECT count(DISTINCT provider_id) FROM appointments") == 4
    assert overlaps(demo.url) == 0
    assert value(demo.url, "SELECT count(*) FROM occupied") >= value(demo.url, "SELECT count(*) FROM appointments")


def test_a_second_time_changes_nothing(demo: Demo) -> None:
    rows = "SELECT (SELECT count(*) FROM appointments) + (SELECT count(*) FROM users) + (SELECT count(*) FROM services)"
    before = value(demo.url, rows)
    done = run("demo", DATABASE_URL=plain(demo.url))
    assert (done.returncode, "was there already" in done.stdout) == (0, True)
    assert all(email in done.stdout for email in ACCOUNTS)
    assert value(demo.url, rows) == before


def test_it_stays_out_of_real_data(new_database: NewDatabase) -> None:
    url = new_database()  # with an admin
    done = run("demo", DATABASE_URL=plain(url))
    assert done.returncode == 1
    assert done.stderr == "This database holds real data: the demo stays out of it.\n"
    assert value(url, "SELECT count(*) FROM users") == 1
    assert value(url, "SELECT count(*) FROM services") == 0
