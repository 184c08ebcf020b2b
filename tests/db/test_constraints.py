"""What the database refuses whatever code does, and what it must not refuse."""

from collections.abc import Iterator

import pytest
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError
from tests.support.databases import engine

TEN, ELEVEN, TWELVE = "2027-03-01 10:00+00", "2027-03-01 11:00+00", "2027-03-01 12:00+00"
NOT_NULL, CHECK, UNIQUE, EXCLUSION = "23502", "23514", "23505", "23P01"


@pytest.fixture
def connection(database: URL) -> Iterator[Connection]:
    """A transaction that is rolled back, with a service, an occurrence and a second resource in it."""
    with engine(database).connect() as opened:
        opened.execute(
            text("INSERT INTO services (name, duration, price_minor, currency) VALUES ('Cut', 60, 1, 'EUR')")
        )
        occurrence(opened)
        opened.execute(text("INSERT INTO resources (kind) VALUES ('resource')"))
        yield opened
        opened.rollback()


def occurrence(connection: Connection) -> None:
    connection.execute(
        text("INSERT INTO occurrences (service_id, starts_at, ends_at) SELECT max(id), :a, :b FROM services"),
        {"a": TEN, "b": ELEVEN},
    )


def occupy(connection: Connection, during: str, *, status: str = "confirmed", resource: str = "min(id)") -> None:
    connection.execute(
        text(f"""
        INSERT INTO occupied (occurrence_id, resource_id, during, status)
        SELECT (SELECT max(id) FROM occurrences), (SELECT {resource} FROM resources), {during}, :status
        """),  # noqa: S608 - the test's own words
        {"status": status},
    )


def seat(connection: Connection, number: int, status: str = "confirmed") -> None:
    connection.execute(
        text("""
        INSERT INTO appointments (occurrence_id, seat_no, customer_id, service_id, provider_id, starts_at, ends_at,
          status, duration, price_minor, currency, buffer_before, buffer_after)
        SELECT max(o.id), :seat, (SELECT min(id) FROM users), max(o.service_id), (SELECT min(id) FROM providers),
          :a, :b, :status, 60, 1, 'EUR', 0, 0 FROM occurrences o
        """),
        {"seat": number, "status": status, "a": TEN, "b": ELEVEN},
    )


def span(start: str, end: str, bounds: str = "[)") -> str:
    return f"tstzrange('{start}', '{end}', '{bounds}')"


def refused(connection: Connection, during: str, **more: str) -> tuple[str, str]:
    """Return by which SQLSTATE and which constraint a span is refused."""
    with pytest.raises(DBAPIError) as error, connection.begin_nested():
        occupy(connection, during, **more)
    return told(error.value)


def told(error: DBAPIError) -> tuple[str, str]:
    assert error.orig is not None
    return error.orig.pgcode, error.orig.diag.constraint_name or ""  # type: ignore[attr-defined]


def test_touching_spans_do_not_clash(connection: Connection) -> None:
    occupy(connection, span(TEN, ELEVEN))
    occupy(connection, span(ELEVEN, TWELVE))


def test_overlapping_spans_of_one_resource_clash(connection: Connection) -> None:
    occupy(connection, span(TEN, TWELVE))
    assert refused(connection, span(ELEVEN, TWELVE)) == (EXCLUSION, "occupied_no_overlap")


def test_the_same_span_of_another_resource_does_not_clash(connection: Connection) -> None:
    occupy(connection, span(TEN, TWELVE))
    occupy(connection, span(TEN, TWELVE), resource="max(id)")


@pytest.mark.parametrize("status", ["hold", "pending", "confirmed"])
def test_whatever_takes_time_clashes(connection: Connection, status: str) -> None:
    occupy(connection, span(TEN, ELEVEN), status=status)
    assert refused(connection, span(TEN, ELEVEN)) == (EXCLUSION, "occupied_no_overlap")


def test_what_was_cancelled_takes_no_time(connection: Connection) -> None:
    occupy(connection, span(TEN, ELEVEN), status="cancelled")
    occupy(connection, span(TEN, ELEVEN))


@pytest.mark.parametrize(
    ("during", "code"),
    [
        ("NULL", NOT_NULL),
        ("'empty'", CHECK),
        (span(TEN, TEN), CHECK),
        ("tstzrange(NULL, now())", CHECK),
        ("tstzrange(now(), NULL)", CHECK),
        (span(TEN, ELEVEN, "[]"), CHECK),
        (span(TEN, ELEVEN, "(]"), CHECK),
    ],
)
def test_a_span_that_would_slip_past_the_constraint_is_refused(connection: Connection, during: str, code: str) -> None:
    assert refused(connection, during)[0] == code


def test_a_span_without_a_resource_is_refused(connection: Connection) -> None:
    assert refused(connection, span(TEN, ELEVEN), resource="min(CAST(NULL AS bigint))")[0] == NOT_NULL


def test_a_seat_is_taken_once_and_a_cancelled_one_gives_its_number_up(connection: Connection) -> None:
    seat(connection, 1)
    seat(connection, 2)
    with pytest.raises(DBAPIError) as error, connection.begin_nested():
        seat(connection, 2)
    assert told(error.value) == (UNIQUE, "appointments_seat_key")
    connection.execute(text("UPDATE appointments SET status = 'cancelled' WHERE seat_no = 2"))
    seat(connection, 2)


def test_the_seat_after_the_last_is_refused(connection: Connection) -> None:
    for number in (1, 2, 3):
        seat(connection, number)
    connection.execute(text("UPDATE appointments SET seats = 3"))
    for number in (0, 4):
        with pytest.raises(DBAPIError) as error, connection.begin_nested():
            connection.execute(text("UPDATE appointments SET seat_no = :seat WHERE seat_no = 3"), {"seat": number})
        assert told(error.value) == (CHECK, "appointments_seat_check")


def test_there_is_one_default_provider_at_a_time(connection: Connection) -> None:
    add = text("INSERT INTO providers (id, name, is_default) SELECT max(id), 'Mia', true FROM resources")
    with pytest.raises(DBAPIError) as error, connection.begin_nested():
        connection.execute(add)
    assert told(error.value) == (UNIQUE, "providers_default_key")
    connection.execute(text("UPDATE providers SET retired_at = now()"))
    connection.execute(add)


@pytest.mark.parametrize(
    ("start", "end", "fits"), [(540, 600, True), (500, 541, False), (599, 700, False), (600, 660, True)]
)
def test_availability_of_one_provider_does_not_overlap(
    connection: Connection, start: int, end: int, *, fits: bool
) -> None:
    add = text("""
    INSERT INTO availability (provider_id, date, start_minute, end_minute)
    SELECT min(id), '2027-03-01', :a, :b FROM providers
    """)
    if (start, end) != (540, 600):
        connection.execute(add, {"a": 540, "b": 600})
    if fits:
        connection.execute(add, {"a": start, "b": end})
        return
    with pytest.raises(DBAPIError) as error, connection.begin_nested():
        connection.execute(add, {"a": start, "b": end})
    assert told(error.value) == (EXCLUSION, "availability_no_overlap")


@pytest.mark.parametrize("change", ["duration = 0", "duration = 1441", "price_minor = -1", "slot_interval = 4",
                                    "buffer_before = -1", "buffer_after = 721"])  # fmt: skip
def test_a_service_that_makes_no_sense_is_refused(connection: Connection, change: str) -> None:
    with pytest.raises(DBAPIError) as error, connection.begin_nested():
        connection.execute(text(f"UPDATE services SET {change}"))  # noqa: S608 - the test's own words
    assert told(error.value)[0] == CHECK
