"""Appointments as lists: one's own, everybody's, one of them; a page at a time, by time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, Row, text

from bookmeup.db.prepared import ask
from bookmeup.db.transactions import Caller
from bookmeup.domain.clock import moment
from bookmeup.domain.money import Money
from bookmeup.domain.spans import Span
from bookmeup.domain.users import UserRole
from bookmeup.errors import RoleNotAllowed, Unauthenticated
from bookmeup.schemas.appointments import (
    Appointment,
    AppointmentPage,
    CustomerName,
    Event,
    ProviderName,
    ServiceName,
    StaffAppointment,
)
from bookmeup.schemas.together import Series, Visit

_COLUMNS = """a.id, a.service_id, s.name AS service_name, a.provider_id, p.name AS provider_name, a.status, a.duration,
  a.price_minor, a.currency, a.starts_at, a.ends_at, a.version,
  a.location_id, a.addons, a.series_id, a.visit_id, a.hold_until, l.timezone"""
_JOINED = """appointments a JOIN services s ON s.id = a.service_id JOIN providers p ON p.id = a.provider_id
  JOIN locations l ON l.id = a.location_id"""
ACTOR = """actor AS (
  SELECT u.id, u.role FROM users u JOIN sessions e ON e.user_id = u.id
  WHERE u.id = :actor AND e.id = :sid AND e.ended_at IS NULL AND e.expires_at > now())"""
_PAGED = """a.status <> 'cancelled' AND (a.hold_until IS NULL OR a.hold_until > now())
  AND (CAST(:after_at AS timestamptz) IS NULL OR (a.starts_at, a.id) > (:after_at, :after_id))"""

_MINE = text(f"""
WITH {ACTOR} SELECT actor.role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT {_COLUMNS} FROM {_JOINED} WHERE a.customer_id = actor.id AND {_PAGED} ORDER BY a.starts_at, a.id LIMIT :limit
) t ON true ORDER BY t.starts_at, t.id
""")  # noqa: S608 - constants

# What an appointment shows as its date decides: of a midnight that the clock shows twice PostgreSQL takes the second.
# The two bounds are for the index.
_ALL = text(f"""
WITH {ACTOR} SELECT actor.role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT {_COLUMNS}, u.id AS user_id, u.name AS customer_name, coalesce(u.email, u.contact_email) AS customer_email,
    u.phone AS customer_phone
  FROM {_JOINED} JOIN users u ON u.id = a.customer_id
  WHERE {_PAGED} AND (CAST(:date AS date) IS NULL OR (
    CAST(a.starts_at AT TIME ZONE l.timezone AS date) = CAST(:date AS date)
    AND a.starts_at >= CAST(:date AS timestamp) AT TIME ZONE 'UTC' - interval '1 day'
    AND a.starts_at < CAST(:date AS timestamp) AT TIME ZONE 'UTC' + interval '2 days'))
  ORDER BY a.starts_at, a.id LIMIT :limit
) t ON actor.role <> 'customer' ORDER BY t.starts_at, t.id
""")  # noqa: S608 - constants

_ONE = text(f"""
WITH {ACTOR} SELECT actor.role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT {_COLUMNS} FROM {_JOINED} WHERE a.id = :id AND (a.customer_id = actor.id OR actor.role <> 'customer')
) t ON true
""")  # noqa: S608 - constants


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
    return next((_own(row) for row in present(rows, staff=False)), None)


def _rows(
    connection: Connection, statement: Any, who: Caller, page: AppointmentPage, *, staff: bool = False
) -> Sequence[Row[Any]]:
    values = msgspec.structs.asdict(page) | {"actor": who.actor, "sid": who.sid}
    return present(ask(connection, statement, values).all(), staff=staff)


def present(rows: Sequence[Row[Any]], *, staff: bool) -> Sequence[Row[Any]]:
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
        "location_id": row.location_id,
        "addons": row.addons,
        "series_id": row.series_id,
        "visit_id": row.visit_id,
        "expires_at": row.hold_until,
    }


_TOGETHER = f"""
WITH {ACTOR}, found AS (SELECT g.* FROM {{table}} g JOIN actor ON g.customer_id = actor.id OR actor.role <> 'customer'
  WHERE g.id = :id)
SELECT actor.role, {{rule}} AS rule, t.* FROM actor LEFT JOIN found ON true LEFT JOIN LATERAL (
  SELECT {_COLUMNS} FROM {_JOINED} WHERE a.{{column}} = found.id
) t ON true ORDER BY t.starts_at, t.id
"""  # noqa: S608 - constants
_OF_SERIES = text(_TOGETHER.format(table="series", column="series_id", rule="found.rule"))
_OF_VISIT = text(_TOGETHER.format(table="visits", column="visit_id", rule="NULL"))


def series(connection: Connection, who: Caller, series_id: int) -> Series | None:
    """Return a series that the actor may see, with its dates by time, cancelled ones too."""
    rows = ask(connection, _OF_SERIES, {"actor": who.actor, "sid": who.sid, "id": series_id}).all()
    found = present(rows, staff=False)
    return Series(series_id, found[0].rule, [_own(row) for row in found]) if found else None


def visit(connection: Connection, who: Caller, visit_id: int) -> Visit | None:
    """Return a visit that the actor may see, with its parts by time, cancelled ones too."""
    rows = ask(connection, _OF_VISIT, {"actor": who.actor, "sid": who.sid, "id": visit_id}).all()
    found = present(rows, staff=False)
    return Visit(visit_id, [_own(row) for row in found]) if found else None


_HISTORY = text(f"""
WITH {ACTOR} SELECT actor.role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT h.id, h.at, h.action, h.actor_id, h.details FROM audit_log h JOIN appointments a ON a.id = h.subject_id
  WHERE h.subject = 'appointment' AND h.subject_id = :id AND (a.customer_id = actor.id OR actor.role <> 'customer')
  ORDER BY h.id LIMIT 10000
) t ON true ORDER BY t.id
""")  # noqa: S608 - constants


def history(connection: Connection, who: Caller, appointment_id: int) -> list[Event]:
    """Return what happened to an appointment that the actor may see, the oldest first."""
    rows = ask(connection, _HISTORY, {"actor": who.actor, "sid": who.sid, "id": appointment_id}).all()
    return [Event(row.at, row.action, row.actor_id, row.details) for row in present(rows, staff=False)]


_IN_THE_WAY = text(f"""
WITH {ACTOR} SELECT actor.role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT o.resource_id AS id, a.id AS appointment_id
  FROM unnest(CAST(:providers AS bigint[]), CAST(:since AS timestamptz[]), CAST(:until AS timestamptz[]))
    AS asked (provider, since, until)
  JOIN occupied o ON int8range(o.resource_id, o.resource_id, '[]') && int8range(asked.provider, asked.provider, '[]')
    AND o.during && tstzrange(asked.since, asked.until) AND o.status IN ('hold', 'pending', 'confirmed')
    AND (o.hold_until IS NULL OR o.hold_until > now())
  JOIN appointments a ON a.occurrence_id = o.occurrence_id AND a.status <> 'cancelled'
) t ON actor.role <> 'customer' ORDER BY t.id, t.appointment_id
""")  # noqa: S608 - constants


def in_the_way(connection: Connection, who: Caller, spans: Mapping[int, Span]) -> dict[int, list[int]]:
    """Return, for staff, the appointments of each provider that share time with a span of his."""
    values = {
        "actor": who.actor,
        "sid": who.sid,
        "providers": list(spans),
        "since": [moment(since) for since, _ in spans.values()],
        "until": [moment(until) for _, until in spans.values()],
    }
    found: dict[int, list[int]] = {}
    for row in present(ask(connection, _IN_THE_WAY, values).all(), staff=True):
        if row.appointment_id not in found.setdefault(row.id, []):
            found[row.id].append(row.appointment_id)
    return found
