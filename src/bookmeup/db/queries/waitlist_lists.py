"""The waitlist as lists: one's own wishes or, for staff, everybody's; the offers that are open."""

from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from bookmeup.db.prepared import ask
from bookmeup.db.queries.appointment_lists import ACTOR, present
from bookmeup.db.transactions import Caller
from bookmeup.schemas.appointments import ProviderName, ServiceName
from bookmeup.schemas.text import clock_text
from bookmeup.schemas.waitlist import DeadLetter, Offer, Position, Wish

_WISHES = text(f"""
WITH {ACTOR} SELECT actor.role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT w.id, w.customer_id, w.service_id, s.name AS service_name, w.provider_id, w.location_id, w.first_date,
    w.last_date, w.weekdays, w.start_minute, w.end_minute, w.status, w.created_at
  FROM waitlist w JOIN services s ON s.id = w.service_id
  WHERE w.status IN ('waiting', 'offered') AND (w.customer_id = actor.id OR actor.role <> 'customer')
    AND w.id > :after_id ORDER BY w.id LIMIT :limit
) t ON true ORDER BY t.id
""")  # noqa: S608 - constants
_OFFERS = text(f"""
WITH {ACTOR} SELECT actor.role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT o.id, o.waitlist_id, o.appointment_id, o.expires_at, a.service_id, s.name AS service_name, a.provider_id,
    p.name AS provider_name, a.starts_at, l.timezone
  FROM waitlist w JOIN offers o ON o.waitlist_id = w.id AND o.status = 'open' AND o.expires_at > now()
  JOIN appointments a ON a.id = o.appointment_id JOIN services s ON s.id = a.service_id
  JOIN providers p ON p.id = a.provider_id JOIN locations l ON l.id = a.location_id
  WHERE w.customer_id = actor.id ORDER BY o.id LIMIT 10000
) t ON true ORDER BY t.id
""")  # noqa: S608 - constants
_DEAD = text(f"""
WITH {ACTOR} SELECT actor.role, t.* FROM actor LEFT JOIN LATERAL (
  SELECT id, kind, aggregate, attempts, error FROM outbox
  WHERE done_at IS NULL AND attempts >= :most AND id > :after_id ORDER BY id LIMIT :limit
) t ON actor.role <> 'customer' ORDER BY t.id
""")  # noqa: S608 - constants


def wishes(connection: Connection, who: Caller, page: Position) -> list[Wish]:
    """Return a page of those who wait, in line; the actor's own, or for staff everybody's."""
    values = {"actor": who.actor, "sid": who.sid, "after_id": page.after_id, "limit": page.limit}
    return [_wish(row) for row in present(ask(connection, _WISHES, values).all(), staff=False)]


def _wish(row: Row[Any]) -> Wish:
    return Wish(
        id=row.id,
        user_id=row.customer_id,
        service=ServiceName(row.service_id, row.service_name),
        provider_id=row.provider_id,
        location_id=row.location_id,
        first_date=row.first_date,
        last_date=row.last_date,
        weekdays=row.weekdays,
        start_time=clock_text(row.start_minute),
        end_time=clock_text(row.end_minute),
        status=row.status,
        created_at=row.created_at,
    )


def offers(connection: Connection, who: Caller) -> list[Offer]:
    """Return what is offered to the actor now."""
    rows = ask(connection, _OFFERS, {"actor": who.actor, "sid": who.sid}).all()
    return [_offer(row) for row in present(rows, staff=False)]


def _offer(row: Row[Any]) -> Offer:
    wall = row.starts_at.astimezone(ZoneInfo(row.timezone))
    return Offer(
        id=row.id,
        waitlist_id=row.waitlist_id,
        appointment_id=row.appointment_id,
        service=ServiceName(row.service_id, row.service_name),
        provider=ProviderName(row.provider_id, row.provider_name),
        date=wall.date().isoformat(),
        time=f"{wall:%H:%M}",
        starts_at=row.starts_at,
        expires_at=row.expires_at,
    )


def dead_letters(connection: Connection, who: Caller, page: Position, most: int) -> list[DeadLetter]:
    """Return, for staff, a page of the work that was tried too often."""
    values = {"actor": who.actor, "sid": who.sid, "after_id": page.after_id, "limit": page.limit, "most": most}
    rows = present(ask(connection, _DEAD, values).all(), staff=True)
    return [DeadLetter(row.id, row.kind, row.aggregate, row.attempts, row.error) for row in rows]
