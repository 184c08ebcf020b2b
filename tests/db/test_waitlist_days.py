"""How far the waitlist looks when hours change: no farther than anybody may book."""

import time
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from tests.conftest import NewDatabase
from tests.support.databases import engine

from bookmeup.db import engine as engines
from bookmeup.db.queries.outbox import days_wished
from bookmeup.db.transactions import Caller, transact

WISH = text("""
WITH s AS (INSERT INTO services (name, duration, price_minor, currency) VALUES ('Cut', 30, 1, 'EUR') RETURNING id)
INSERT INTO waitlist (customer_id, service_id, first_date, last_date, weekdays, start_minute, end_minute)
SELECT (SELECT min(id) FROM users), s.id, :first, :last, '{1,2,3,4,5,6,7}', 0, 1440 FROM s
""")


def test_a_wish_for_a_far_year_makes_nobody_look_at_all_the_days_until_then(new_database: NewDatabase) -> None:
    url, today = new_database(), datetime.now(UTC).date()
    database = engines.connect(url)

    def wished() -> tuple[date, date] | None:
        return transact(database, Caller("logic", None, None, None, time.monotonic() + 10), days_wished)

    assert wished() is None
    with engine(url).begin() as connection:
        connection.execute(WISH, {"first": date(2990, 1, 1), "last": date(2990, 12, 1)})
    assert wished() is None
    with engine(url).begin() as connection:
        connection.execute(WISH, {"first": today, "last": today + timedelta(days=300)})
    found = wished()
    assert found is not None
    first, last = found
    assert (last - first).days < 400
    database.drop_idle()
