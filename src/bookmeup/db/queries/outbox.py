"""Rows of the outbox, and holds whose time is over: taken one at a time, skipped by whoever comes second."""

import random
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, text

from bookmeup.db.transactions import Tx

MOST_TRIES = 12
"""After these it is a dead letter, which staff see and may replay."""
FIRST_WAIT, LONGEST_WAIT = 5.0, 3600.0

# By their places, and not by reading the whole for each: that is what a plan that was made for a small table would do.
_BY_PLACE = text("SET LOCAL enable_seqscan = off")
_NOTHING_TO_DO = text("""
UPDATE outbox SET done_at = now() WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM outbox WHERE done_at IS NULL AND not_before <= now()
    AND (leased_until IS NULL OR leased_until <= now()) AND kind <> ALL(CAST(:handled AS text[]))
  ORDER BY not_before, id FOR UPDATE SKIP LOCKED LIMIT :most))
""")
# Rows of one aggregate are worked off in order: one waits for its older siblings, dead ones excepted.
_NEXT = text("""
SELECT o.id, o.kind, o.payload, o.attempts FROM outbox o
WHERE o.done_at IS NULL AND o.not_before <= now() AND (o.leased_until IS NULL OR o.leased_until <= now())
  AND o.attempts < :most AND o.kind = ANY(CAST(:handled AS text[]))
  AND NOT EXISTS (SELECT 1 FROM outbox older WHERE older.aggregate = o.aggregate AND older.id < o.id
                  AND older.done_at IS NULL AND older.attempts < :most)
ORDER BY o.not_before, o.id FOR UPDATE SKIP LOCKED LIMIT 1
""")
_DONE = text("UPDATE outbox SET done_at = now(), error = NULL WHERE id = :id")
_FAILED = text("""
UPDATE outbox SET attempts = attempts + 1, error = :error, not_before = now() + make_interval(secs => :wait)
WHERE id = :id
""")
_REPLAY = text("""
UPDATE outbox SET attempts = 0, not_before = now() WHERE id = :id AND done_at IS NULL AND attempts >= :most
""")
_OVER = text("""
SELECT id FROM appointments WHERE status = 'hold' AND hold_until <= now() ORDER BY hold_until LIMIT :batch
""")
_END = text("SELECT end_holds(ARRAY[CAST(:id AS bigint)])")
_OPENING = text("""
SELECT (a.starts_at AT TIME ZONE l.timezone)::date AS first, (a.ends_at AT TIME ZONE l.timezone)::date AS last
FROM appointments a JOIN locations l ON l.id = a.location_id WHERE a.id = :id
""")
_LOCAL = text("""
SELECT (to_timestamp(:since) AT TIME ZONE l.timezone)::date AS first,
       (to_timestamp(:until) AT TIME ZONE l.timezone)::date AS last
FROM appointments a JOIN locations l ON l.id = a.location_id WHERE a.id = :id
""")
_AVAILABILITY = text("SELECT date AS first, date AS last FROM availability WHERE id = :id")
# No horizon is longer than 366 days: what lies beyond is nobody's yet.
_ALL = text("""
SELECT greatest(min(first_date), current_date - 1) AS first, least(max(last_date), current_date + 367) AS last
FROM waitlist
WHERE status = 'waiting' AND last_date >= current_date - 1 AND first_date <= current_date + 367 HAVING count(*) > 0
""")


def pass_over(connection: Connection, handled: Sequence[str], most: int) -> int:
    """Mark what nobody handles yet as done; return how much that was."""
    connection.execute(_BY_PLACE)
    return connection.execute(_NOTHING_TO_DO, {"handled": list(handled), "most": most}).rowcount


def take(connection: Connection, handled: Sequence[str]) -> Row[Any] | None:
    """Lock and return the next row that is due, None if there is none that nobody else has."""
    return connection.execute(_NEXT, {"handled": list(handled), "most": MOST_TRIES}).first()


def done(connection: Connection, row_id: int) -> None:
    connection.execute(_DONE, {"id": row_id})


def failed(connection: Connection, row: Row[Any], error: str) -> None:
    """Try again later: 5 s, 10 s, 20 s … an hour, give or take a half."""
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2**row.attempts) * random.uniform(0.5, 1.5)
    connection.execute(_FAILED, {"id": row.id, "error": error[:500], "wait": wait})


def replay(tx: Tx, row_id: int) -> bool:
    return tx.run(_REPLAY, id=row_id, most=MOST_TRIES) == 1


def over(connection: Connection, batch: int) -> list[int]:
    """Return holds whose time is over."""
    return list(connection.execute(_OVER, {"batch": batch}).scalars())


def end(tx: Tx, appointment_id: int) -> None:
    """End a hold whose time is over, its offer with it; what it takes is locked."""
    tx.run(_END, id=appointment_id)


Days = tuple[date, date]


def days_of(tx: Tx, appointment_id: int) -> Days | None:
    return _days(tx.one(_OPENING, id=appointment_id))


def days_between(tx: Tx, appointment_id: int, since: int, until: int) -> Days | None:
    """Return the days of a span where the appointment is."""
    return _days(tx.one(_LOCAL, id=appointment_id, since=since, until=until))


def days_added(tx: Tx, availability_id: int) -> Days | None:
    return _days(tx.one(_AVAILABILITY, id=availability_id))


def days_wished(tx: Tx) -> Days | None:
    """Return all days that somebody waits for."""
    return _days(tx.one(_ALL))


def _days(row: Row[Any] | None) -> Days | None:
    return None if row is None else (row.first, row.last)
