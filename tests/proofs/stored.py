"""What is in the database, held against what clients were told."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import URL, text
from tests.proofs.history import Booking, History, Outcome
from tests.support.databases import engine
from tests.support.races import overlaps

_ROWS = text("""
SELECT a.idempotency_key AS key, a.id, a.status, to_char(a.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS at,
  (SELECT array_agg(l.action ORDER BY l.id) FROM audit_log l WHERE l.subject = 'appointment' AND l.subject_id = a.id)
    AS trail,
  (SELECT array_agg(o.kind ORDER BY o.id) FROM outbox o WHERE o.aggregate = 'appointment:' || a.id) AS work
FROM appointments a WHERE a.service_id = :service
""")


class Row(NamedTuple):
    """An appointment; `trail` and `work` are the rows of audit and outbox that tell of it."""

    key: str
    id: int
    status: str
    at: str
    trail: list[str]
    work: list[str]


def rows(url: URL, service: int) -> dict[str, Row]:
    """Return the service's appointments by key."""
    with engine(url).connect() as connection:
        return {row.key: Row(*row) for row in connection.execute(_ROWS, {"service": service})}


def missing(history: History, found: Mapping[str, Row]) -> list[Booking]:
    """Return the bookings that were acknowledged and are not there."""
    return [each for each in history.bookings if each.outcome is Outcome.OK and each.key not in found]


def contradictions(history: History, found: Mapping[str, Row], url: URL) -> list[str]:
    """Return all that speaks against a settled history."""
    told = list(history.faults)
    told += [f"{key} was never asked for" for key in found.keys() - {booking.key for booking in history.bookings}]
    for booking in history.bookings:
        told += _against(booking, found.get(booking.key))
    told += [f"{refused.slot} was refused while nobody can have had it" for refused in history.unfounded()]
    return told + ([f"{overlaps(url)} overlaps"] if overlaps(url) else [])


def _against(booking: Booking, row: Row | None) -> Iterator[str]:
    if booking.outcome is Outcome.UNKNOWN:
        yield f"{booking.key} is not settled"
    if booking.outcome is Outcome.FAIL and row is not None:
        yield f"{booking.key} was refused and is there"
    if booking.outcome is not Outcome.OK:
        return
    if row is None:
        yield f"{booking.key} was acknowledged and is not there"
        return
    if row.id != booking.id:
        yield f"{booking.key} is {row.id} and was said to be {booking.id}"
    if booking.cancelled is not None and booking.cancelled != (row.status == "cancelled"):
        yield f"{booking.key} is {row.status}"
    if row.at not in {f"{slot.day} {slot.time}" for slot in booking.slots}:
        yield f"{booking.key} is at {row.at} and not at {booking.slots}"
    if [f"appointment.{action}" for action in row.trail] != row.work:
        yield f"{booking.key} has the trail {row.trail} and the work {row.work}"
    if (row.trail.count("booked"), row.trail.count("cancelled")) != (1, int(row.status == "cancelled")):
        yield f"{booking.key} is {row.status} and has the trail {row.trail}"
