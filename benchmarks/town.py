"""A town to measure the engine on: 50 providers, 100 services, 100 000 appointments, 2 000 of them in one month.

Every provider performs everything and works every day from 9 to 18, so that a month has 1 500 provider-days. Outside
the month the appointments lie in the years before it.
"""

from contextlib import AbstractContextManager
from datetime import date, timedelta

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.pool import NullPool

PROVIDERS, SERVICES = 50, 100
IN_MONTH, OUTSIDE = 2_000, 98_000
ZONE = "Europe/Bucharest"

_PEOPLE = (
    "SET session_replication_role = replica",  # the rows fit each other: no need to look
    "UPDATE providers SET retired_at = now() WHERE is_default",
    """INSERT INTO services (name, duration, price_minor, currency, slot_interval, buffer_after)
       SELECT 'Service ' || n, 30 + 15 * (n % 4), 8000, 'RON', 10, 5 FROM generate_series(1, :services) n""",
    """WITH r AS (INSERT INTO resources (kind) SELECT 'provider' FROM generate_series(1, :providers) RETURNING id)
       INSERT INTO providers (id, name, performs_all) SELECT id, 'Provider ' || id, true FROM r""",
    """INSERT INTO weekly_hours (provider_id, weekday, start_minute, end_minute)
       SELECT id, weekday, 540, 1080 FROM providers, generate_series(1, 7) weekday WHERE retired_at IS NULL""",
    "INSERT INTO users (name, email) SELECT 'Customer ' || n, n || '@town.example' FROM generate_series(1, 2000) n",
)
# So many rows from a day on, spread over days and providers: each takes 30 of 40 minutes, 13 at most a provider-day.
_APPOINTMENTS = (
    """CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS
       SELECT nextval(pg_get_serial_sequence('occurrences', 'id')) AS id, p.id AS provider_id,
         (CAST(:first AS timestamp) + make_interval(days => (n / :providers) % :days,
            mins => 540 + 40 * (n / :providers / :days))) AT TIME ZONE :zone AS starts_at
       FROM generate_series(0, :rows - 1) n
       JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM providers WHERE retired_at IS NULL) p
         ON p.place = n % :providers""",
    """INSERT INTO occurrences (id, service_id, starts_at, ends_at) OVERRIDING SYSTEM VALUE
       SELECT id, (SELECT min(id) FROM services), starts_at, starts_at + interval '30 minutes' FROM wanted""",
    """INSERT INTO appointments (occurrence_id, customer_id, service_id, provider_id, starts_at, ends_at, duration,
                                 price_minor, currency, buffer_before, buffer_after)
       SELECT id, (SELECT min(id) FROM users) + id % 2000, (SELECT min(id) FROM services), provider_id,
              starts_at, starts_at + interval '30 minutes', 30, 8000, 'RON', 0, 0 FROM wanted""",
    """INSERT INTO occupied (occurrence_id, resource_id, during, status)
       SELECT id, provider_id, tstzrange(starts_at, starts_at + interval '30 minutes'), 'confirmed' FROM wanted""",
)


def fill(url: URL, month: date) -> None:
    """Fill an empty, migrated database; `month` is the first of its days that have 2 000 appointments."""
    with _writing(url) as connection:
        for statement in _PEOPLE:
            connection.execute(text(statement), {"providers": PROVIDERS, "services": SERVICES})
        book(connection, month, 31, IN_MONTH)
        book(connection, month - timedelta(days=1000), 900, OUTSIDE)
    analyze(url)


def more_outside(url: URL, month: date) -> None:
    """Bring the appointments outside the month to ten times as many."""
    with _writing(url) as connection:
        connection.execute(text(_PEOPLE[0]))
        book(connection, month - timedelta(days=4000), 2900, 9 * OUTSIDE)
    analyze(url)


def crowd(url: URL, day: date, rows: int) -> None:
    """Give one provider so many appointments of a minute on one day, one every eighty seconds or so."""
    with _writing(url) as connection:
        connection.execute(text(_PEOPLE[0]))
        connection.execute(text(_CROWD), {"day": day, "rows": rows, "zone": ZONE})
    analyze(url)


_CROWD = """
WITH it AS (SELECT max(id) AS provider FROM providers), made AS (
  INSERT INTO occurrences (service_id, starts_at, ends_at)
  SELECT (SELECT min(id) FROM services), t.at, t.at + interval '10 seconds' FROM generate_series(0, :rows - 1) n,
    LATERAL (SELECT (CAST(:day AS timestamp) + n * (interval '24 hours' / :rows)) AT TIME ZONE :zone AS at) t
  RETURNING id, starts_at, ends_at)
INSERT INTO occupied (occurrence_id, resource_id, during, status)
SELECT made.id, it.provider, tstzrange(starts_at, ends_at), 'confirmed' FROM made, it
"""


def book(connection: Connection, first: date, days: int, rows: int) -> None:
    values = {"first": first, "days": days, "rows": rows, "providers": PROVIDERS, "zone": ZONE}
    for statement in _APPOINTMENTS:
        connection.execute(text(statement), values)
    connection.execute(text("DROP TABLE wanted"))


def analyze(url: URL) -> None:
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _writing(url: URL) -> AbstractContextManager[Connection]:
    return create_engine(url, poolclass=NullPool).begin()
