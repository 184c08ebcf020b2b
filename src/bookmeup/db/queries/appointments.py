"""Appointments: read for the rules, written after them, and listed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, Row, text

from bookmeup.db.prepared import ask
from bookmeup.db.queries.calendar import ServiceTerms
from bookmeup.db.transactions import Caller, Tx
from bookmeup.domain.appointments import Booked, Status
from bookmeup.domain.clock import moment
from bookmeup.domain.money import Money
from bookmeup.domain.slots import Terms
from bookmeup.domain.spans import Span
from bookmeup.domain.users import UserRole
from bookmeup.errors import RoleNotAllowed, Unauthenticated
from bookmeup.schemas.appointments import (
    Appointment,
    AppointmentPage,
    CustomerName,
    ProviderName,
    ServiceName,
    StaffAppointment,
)
from bookmeup.schemas.users import Customer

_INSERT = text("""
WITH guest AS (
  INSERT INTO users (name, phone, contact_email)
  SELECT :guest_name, :guest_phone, :guest_email WHERE CAST(:guest_name AS text) IS NOT NULL RETURNING id
), customer AS (
  SELECT id FROM guest UNION ALL SELECT CAST(:customer AS bigint) WHERE CAST(:guest_name AS text) IS NULL
), occurrence AS (
  INSERT INTO occurrences (service_id, starts_at, ends_at) VALUES (:service, :starts, :ends) RETURNING id
), appointment AS (
  INSERT INTO appointments (occurrence_id, customer_id, service_id, provider_id, starts_at, ends_at, duration,
    price_minor, currency, buffer_before, buffer_after, cancellation_window, idempotency_key)
  SELECT occurrence.id, customer.id, :service, :provider, :starts, :ends, :duration,
    :price, :currency, :before, :after, :window, :key FROM occurrence, customer RETURNING id
), busy AS (
  INSERT INTO occupied (occurrence_id, resource_id, during, status)
  SELECT id, :provider, tstzrange(:busy_from, :busy_until), 'confirmed' FROM occurrence
), trail AS (
  INSERT INTO audit_log (actor_id, action, subject, subject_id, details, request_id)
  SELECT :actor, 'booked', 'appointment', id, jsonb_build_object('starts_at', CAST(:starts AS timestamptz)), :request_id
  FROM appointment
), work AS (
  INSERT INTO outbox (kind, payload, aggregate)
  SELECT 'appointment.booked', jsonb_build_object('id', id), 'appointment:' || id FROM appointment
)
SELECT id FROM appointment
""")

_FOUND = text("""
SELECT a.id, a.customer_id, a.status, extract(epoch FROM a.starts_at)::bigint AS starts, a.cancellation_window,
       a.occurrence_id, a.service_id, a.provider_id, a.duration, a.buffer_before, a.buffer_after, a.version
FROM appointments a WHERE a.id = :id
""")

_LOCK = text("""
SELECT r.id FROM resources r WHERE r.id IN (SELECT provider_id FROM appointments WHERE id = :id)
ORDER BY r.id FOR UPDATE
""")

_MOVE = text("""
WITH moved AS (
  UPDATE appointments SET starts_at = :starts, ends_at = :ends, version = version + 1 WHERE id = :id
  RETURNING occurrence_id
), occurrence AS (
  UPDATE occurrences o SET starts_at = :starts, ends_at = :ends FROM moved WHERE o.id = moved.occurrence_id
)
UPDATE occupied b SET during = tstzrange(:busy_from, :busy_until) FROM moved WHERE b.occurrence_id = moved.occurrence_id
""")

_CANCEL = text("""
WITH cancelled AS (
  UPDATE appointments SET status = 'cancelled', cancelled_at = now(), version = version + 1 WHERE id = :id
  RETURNING occurrence_id
)
UPDATE occupied b SET status = 'cancelled' FROM cancelled WHERE b.occurrence_id = cancelled.occurrence_id
""")

_COLUMNS = """a.id, a.service_id, s.name AS service_name, a.provider_id, p.name AS provider_name, a.status, a.duration,
  a.price_minor, a.currency, a.starts_at, a.ends_at, a.version, l.timezone"""
_JOINED = """appointments a JOIN services s ON s.id = a.service_id JOIN providers p ON p.id = a.provider_id
  CROSS JOIN LATERAL (SELECT timezone FROM locations ORDER BY id LIMIT 1) l"""
_ACTOR = """actor AS (
  SELECT u.id, u.role FROM users u JOIN sessions e ON e.user_id = u.id
  WHERE u.id = :actor AND e.id = :sid AND e.ended_at IS NULL AND e.expires_at > now())"""
_PAGED = """a.status <> 'cancelled'
  AND (CAST(:after_at AS timestamptz) IS NULL OR (a.starts_at, a.id) > (:after_at, :after_id))"""

_MINE = text(f"""
WITH {_ACTOR} SELECT actor.role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT {_COLUMNS} FROM {_JOINED} WHERE a.customer_id = actor.id AND {_PAGED} ORDER BY a.starts_at, a.id LIMIT :limit
) t ON true ORDER BY t.starts_at, t.id
""")  # noqa: S608 - constants

_ALL = text(f"""
WITH {_ACTOR} SELECT actor.role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT {_COLUMNS}, u.id AS user_id, u.name AS customer_name, coalesce(u.email, u.contact_email) AS customer_email,
    u.phone AS customer_phone
  FROM {_JOINED} JOIN users u ON u.id = a.customer_id
  WHERE {_PAGED} AND (CAST(:date AS date) IS NULL OR (
    a.starts_at >= CAST(:date AS timestamp) AT TIME ZONE l.timezone
    AND a.starts_at < CAST(CAST(:date AS date) + 1 AS timestamp) AT TIME ZONE l.timezone))
  ORDER BY a.starts_at, a.id LIMIT :limit
) t ON actor.role <> 'customer' ORDER BY t.starts_at, t.id
""")  # noqa: S608 - constants

_ONE = text(f"""
WITH {_ACTOR} SELECT actor.role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT {_COLUMNS} FROM {_JOINED} WHERE a.id = :id AND (a.customer_id = actor.id OR actor.role <> 'customer')
) t ON true
""")  # noqa: S608 - constants


def insert(
    tx: Tx,
    service_id: int,
    provider_id: int,
    start: int,
    service: ServiceTerms,
    terms: Terms,
    customer: Customer | int,
) -> int:
    """Insert the appointment, its occurrence, the time it takes and what follows, in one statement; return its id."""
    busy_from, busy_until = terms.occupied(start)
    guest = customer if isinstance(customer, Customer) else None
    row = tx.one(
        _INSERT,
        guest_name=guest.name if guest else None,
        guest_phone=guest.phone if guest else None,
        guest_email=guest.email if guest else None,
        customer=None if guest else customer,
        service=service_id,
        provider=provider_id,
        starts=moment(start),
        ends=moment(start + terms.duration),
        duration=service.duration,
        price=service.price_minor,
        currency=service.currency,
        before=service.buffer_before,
        after=service.buffer_after,
        window=service.cancellation_window,
        key=tx.caller.key,
        busy_from=moment(busy_from),
        busy_until=moment(busy_until),
        actor=tx.actor.id,
        request_id=tx.caller.request_id,
    )
    assert row is not None
    return int(row.id)


def lock_provider_of(tx: Tx, appointment_id: int) -> None:
    tx.soon(_LOCK, id=appointment_id)


def find(tx: Tx, appointment_id: int) -> tuple[Booked, Row[Any]] | None:
    """Return the appointment for the rules, and its row with what was frozen on it."""
    row = tx.one(_FOUND, id=appointment_id)
    if row is None:
        return None
    window = None if row.cancellation_window is None else timedelta(minutes=row.cancellation_window)
    return Booked(row.id, row.customer_id, Status(row.status), row.starts, window), row


def move(tx: Tx, appointment_id: int, start: int, terms: Terms) -> None:
    busy: Span = terms.occupied(start)
    tx.run(
        _MOVE,
        id=appointment_id,
        starts=moment(start),
        ends=moment(start + terms.duration),
        busy_from=moment(busy[0]),
        busy_until=moment(busy[1]),
    )


def cancel(tx: Tx, appointment_id: int) -> None:
    """Keep the row; the time is free again."""
    tx.run(_CANCEL, id=appointment_id)


def mine(connection: Connection, who: Caller, page: AppointmentPage) -> list[Appointment]:
    """Return a page of the actor's own appointments that are not cancelled, by time."""
    return [_own(row) for row in _rows(connection, _MINE, who, page)]


def all_of(connection: Connection, who: Caller, page: AppointmentPage) -> list[StaffAppointment]:
    """Return a page of everybody's, of a date where one is given; the actor must be staff."""
    rows = _rows(connection, _ALL, who, page, staff=True)
    return [_with_customer(row) for row in rows]


def one_of(connection: Connection, who: Caller, appointment_id: int) -> Appointment | None:
    """Return one appointment that the actor may see."""
    rows = ask(connection, _ONE, {"actor": who.actor, "sid": who.sid, "id": appointment_id}).all()
    return next((_own(row) for row in _present(rows, staff=False)), None)


def _rows(
    connection: Connection, statement: Any, who: Caller, page: AppointmentPage, *, staff: bool = False
) -> Sequence[Row[Any]]:
    values = msgspec.structs.asdict(page) | {"actor": who.actor, "sid": who.sid}
    return _present(ask(connection, statement, values).all(), staff=staff)


def _present(rows: Sequence[Row[Any]], *, staff: bool) -> Sequence[Row[Any]]:
    """Return the rows; without any the actor's session has ended, and an empty list is one row without an id."""
    if not rows:
        raise Unauthenticated
    if staff and rows[0].role == UserRole.CUSTOMER:
        raise RoleNotAllowed
    return [] if rows[0].id is None else rows


def _own(row: Row[Any]) -> Appointment:
    return Appointment(**_members(row))


def _with_customer(row: Row[Any]) -> StaffAppointment:
    customer = CustomerName(row.user_id, row.customer_name, row.customer_email, row.customer_phone)
    return StaffAppointment(**_members(row), user_id=row.user_id, customer=customer)


def _members(row: Row[Any]) -> dict[str, Any]:
    wall: datetime = row.starts_at.astimezone(ZoneInfo(row.timezone))
    return {
        "id": row.id,
        "service": ServiceName(row.service_id, row.service_name),
        "date": wall.date().isoformat(),
        "time": f"{wall:%H:%M}",
        "provider": ProviderName(row.provider_id, row.provider_name),
        "status": row.status,
        "duration": row.duration,
        "price": str(Money(row.price_minor, row.currency)),
        "price_minor": row.price_minor,
        "currency": row.currency,
        "starts_at": row.starts_at.astimezone(UTC),
        "ends_at": row.ends_at.astimezone(UTC),
        "version": row.version,
    }
