"""Staging's copy of prod's data (scripts/rehearse): nothing in it says who somebody is, lets him in or reaches him."""

from pathlib import Path

import pytest
from sqlalchemy import ARRAY, URL, Boolean, Column, Connection, Date, DateTime, Integer, Table, text
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE
from sqlalchemy.exc import DBAPIError
from tests.conftest import NewDatabase
from tests.support.databases import engine

from bookmeup.db.demo import fill
from bookmeup.db.migrations import migrate
from bookmeup.db.tables import metadata

SCRIPT = Path(__file__).parents[2] / "scripts" / "rehearse.sql"
MARK = "somebody in particular"
EMPTIED = {"passwords", "sessions", "signing_keys", "idempotency_keys", "rate_limits", "outbox"}
OF_NOBODY = {
    "locations": {"name", "timezone", "currency", "address", "locale"},
    "users": {"role"},
    "services": {"name", "description", "currency", "category", "resource_type"},
    "resources": {"kind", "name", "type"},
    "addons": {"name"},
    "series": {"rule"},
    "waitlist": {"status"},
    "offers": {"status"},
    "appointments": {"status", "currency", "addons"},
    "occupied": {"status"},
    "audit_log": {"action", "subject"},
    "schema_compat": {"revision", "oldest_image"},
}
"""Columns of text that tell of the business, a rule or a state. A new one is among them, or the script changes it."""
WHOLE = "SET LOCAL rehearse.whole = yes;"
MORE_ROWS = (
    "INSERT INTO closures (location_id, starts_at, ends_at) VALUES (1, now(), now() + '1 day')",
    "INSERT INTO time_off (provider_id, starts_at, ends_at) SELECT id, now(), now() + '1 day' FROM providers LIMIT 1",
    "INSERT INTO audit_log (action, subject) VALUES ('login', 'user')",
)


def script() -> str:
    """Return it with its % as the driver wants them."""
    return SCRIPT.read_text().replace("%", "%%")


def is_told(table: Table, column: Column[object]) -> bool:
    """Whether it could say something of a person."""
    numbers = isinstance(column.type, ARRAY) and isinstance(column.type.item_type, Integer)
    harmless = numbers or isinstance(column.type, Integer | Boolean | Date | DateTime | TSTZRANGE)
    return not harmless and column.name not in OF_NOBODY.get(table.name, set())


def mark(connection: Connection, table: Table, column: Column[object]) -> None:
    value = "jsonb_build_object('of', :mark)" if isinstance(column.type, JSONB) else ":mark"
    own = f" || {table.name}.ctid" if column.name == "email" else ""
    done = connection.execute(text(f"UPDATE {table.name} SET {column.name} = {value}{own}"), {"mark": MARK})  # noqa: S608
    assert done.rowcount > 0, f"there is no row in {table.name} that could show it"


@pytest.fixture
def copied(new_database: NewDatabase) -> URL:
    """The demo's data with somebody in each column that could tell of him."""
    url = new_database(empty=True)
    migrate(url)
    fill(url, "a hash", lambda _: None)
    with engine(url).begin() as connection:
        for statement in MORE_ROWS:
            connection.execute(text(statement))
        for table in metadata.sorted_tables:
            for column in table.columns:
                if table.name not in EMPTIED and is_told(table, column):
                    mark(connection, table, column)
    return url


def tellers(connection: Connection) -> set[str]:
    """Return the tables with a row in which somebody is told of."""
    count = "SELECT count(*) FROM {} AS row WHERE row::text LIKE :mark"
    return {
        table.name
        for table in metadata.sorted_tables
        if connection.execute(text(count.format(table.name)), {"mark": f"%{MARK}%"}).scalar_one()
    }


def test_nobody_is_told_of_after_it_and_nobody_can_be_reached_or_let_in(copied: URL) -> None:
    with engine(copied).begin() as connection:
        before = tellers(connection)
        bookings = connection.execute(text("SELECT count(*) FROM appointments")).scalar_one()
        connection.exec_driver_sql(WHOLE + script())
        assert tellers(connection) == set()
        assert {"users", "providers", "appointments", "time_off", "closures", "audit_log"} <= before
        for name in EMPTIED:
            assert connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() == 0  # noqa: S608
        assert connection.execute(text("SELECT count(*) FROM appointments")).scalar_one() == bookings > 0
        left = "SELECT count(*) FROM users WHERE email NOT LIKE '%.invalid' OR contact_email NOT LIKE '%.invalid'"
        assert connection.execute(text(left)).scalar_one() == 0


def test_an_unlisted_column_would_be_noticed(copied: URL) -> None:
    with engine(copied).begin() as connection:
        connection.exec_driver_sql(WHOLE + script().replace("phone = NULL", "phone = phone"))
        assert tellers(connection) == {"users"}


def test_it_refuses_after_a_dump_that_was_cut_off(copied: URL) -> None:
    with engine(copied).begin() as connection, pytest.raises(DBAPIError, match="the dump was cut off"):
        connection.exec_driver_sql(script())


def test_it_refuses_a_table_that_it_does_not_know(copied: URL) -> None:
    with engine(copied).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE users_of_before AS SELECT * FROM users")
        with pytest.raises(DBAPIError, match="users_of_before"):
            connection.exec_driver_sql(WHOLE + script())
