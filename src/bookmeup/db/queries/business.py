"""The location, its providers with their hours, and the spans added to dates."""

from collections.abc import Iterable
from datetime import date

import msgspec
from sqlalchemy import Connection, text

from bookmeup.db.prepared import ask
from bookmeup.db.transactions import Caller, Tx
from bookmeup.domain.users import UserRole
from bookmeup.errors import RoleNotAllowed, Unauthenticated
from bookmeup.schemas.business import (
    Availability,
    AvailabilityRequest,
    Location,
    LocationChange,
    Provider,
    WeeklyHours,
)
from bookmeup.schemas.text import clock_text, minute

_LOCATION = text("SELECT name, timezone, currency, address FROM locations ORDER BY id LIMIT 1")
_CHANGE_LOCATION = text("""
UPDATE locations SET name = coalesce(:name, name), timezone = coalesce(:timezone, timezone),
  currency = coalesce(:currency, currency), address = coalesce(:address, address)
""")

_PROVIDERS = text("""
SELECT p.id, p.name, p.is_default, p.performs_all,
  (SELECT coalesce(json_agg(ps.service_id ORDER BY ps.service_id), '[]')
   FROM provider_services ps JOIN services s ON s.id = ps.service_id AND s.is_active
   WHERE ps.provider_id = p.id) AS services,
  (SELECT coalesce(json_agg(json_build_array(w.weekday, w.start_minute, w.end_minute)
     ORDER BY w.weekday, w.start_minute), '[]') FROM weekly_hours w WHERE w.provider_id = p.id) AS hours
FROM providers p WHERE p.retired_at IS NULL ORDER BY p.id
""")
_INSERT_PROVIDER = text("""
WITH r AS (INSERT INTO resources (kind) VALUES ('provider') RETURNING id)
INSERT INTO providers (id, name, performs_all) SELECT id, :name, :performs_all FROM r RETURNING id
""")
_LOCK_PROVIDER = text("""
SELECT r.id FROM resources r JOIN providers p ON p.id = r.id WHERE p.id = :id AND p.retired_at IS NULL FOR UPDATE OF r
""")
_LOCK_DEFAULT = text("""
SELECT r.id FROM resources r JOIN providers p ON p.id = r.id WHERE p.is_default AND p.retired_at IS NULL FOR UPDATE OF r
""")
_RENAME = text("UPDATE providers SET name = :name WHERE id = :id")
_PERFORMS_ALL = text("UPDATE providers SET performs_all = :performs_all WHERE id = :id")
_RETIRE = text("UPDATE providers SET retired_at = now() WHERE id = :id")
_NO_SERVICES = text("DELETE FROM provider_services WHERE provider_id = :id")
_SERVICES = text("""
INSERT INTO provider_services (provider_id, service_id) SELECT :id, unnest(CAST(:services AS bigint[]))
""")
_NO_HOURS = text("DELETE FROM weekly_hours WHERE provider_id = :id")
_HOURS = text("""
INSERT INTO weekly_hours (provider_id, weekday, start_minute, end_minute)
SELECT :id, h.weekday, h.start_minute, h.end_minute FROM unnest(
  CAST(:weekdays AS smallint[]), CAST(:starts AS smallint[]), CAST(:ends AS smallint[])
) AS h (weekday, start_minute, end_minute)
""")

_AVAILABILITY = text("""
WITH actor AS (
  SELECT u.id, u.role FROM users u JOIN sessions s ON s.user_id = u.id
  WHERE u.id = :actor AND s.id = :sid AND s.ended_at IS NULL AND s.expires_at > now())
SELECT actor.role, a.id, a.date, a.start_minute, a.end_minute, a.provider_id
FROM actor LEFT JOIN availability a ON a.date = :date AND actor.role <> 'customer'
ORDER BY a.start_minute, a.provider_id
""")
_ADD = text("""
INSERT INTO availability (provider_id, date, start_minute, end_minute)
VALUES (:provider, :date, :start, :end) RETURNING id
""")
_LOCK_OF = text("""
SELECT r.id FROM resources r WHERE r.id = (SELECT provider_id FROM availability WHERE id = :id) FOR UPDATE
""")
# No appointment is longer than a day: the last condition gives the index a lower bound.
_IN_USE = text("""
SELECT 1 FROM availability a CROSS JOIN LATERAL (SELECT timezone FROM locations ORDER BY id LIMIT 1) l
JOIN appointments p ON p.provider_id = a.provider_id AND p.status IN ('hold', 'pending', 'confirmed')
  AND p.starts_at < (a.date + make_interval(mins => a.end_minute)) AT TIME ZONE l.timezone
  AND p.ends_at > (a.date + make_interval(mins => a.start_minute)) AT TIME ZONE l.timezone
  AND p.starts_at > (a.date + make_interval(mins => a.start_minute)) AT TIME ZONE l.timezone - interval '1 day'
WHERE a.id = :id LIMIT 1
""")
_REMOVE = text("DELETE FROM availability WHERE id = :id")


def location(connection: Connection) -> Location:
    row = ask(connection, _LOCATION).one()
    return Location(row.name, row.timezone, row.currency, row.address)


def change_location(tx: Tx, change: LocationChange) -> None:
    given = {name: None if value is msgspec.UNSET else value for name, value in msgspec.structs.asdict(change).items()}
    tx.run(_CHANGE_LOCATION, **given)


def providers(connection: Connection) -> list[Provider]:
    return [
        Provider(
            id=row.id,
            name=row.name,
            is_default=row.is_default,
            services=None if row.performs_all else row.services,
            hours=[WeeklyHours(day, clock_text(start), clock_text(end)) for day, start, end in row.hours],
        )
        for row in ask(connection, _PROVIDERS).all()
    ]


def insert_provider(tx: Tx, name: str, *, performs_all: bool) -> int:
    row = tx.one(_INSERT_PROVIDER, name=name, performs_all=performs_all)
    assert row is not None
    return int(row.id)


def lock_provider(tx: Tx, provider_id: int | None) -> int | None:
    """Lock a provider who is not retired, the default one where none is named; return the id, None if there is none."""
    row = tx.one(_LOCK_DEFAULT) if provider_id is None else tx.one(_LOCK_PROVIDER, id=provider_id)
    return None if row is None else int(row.id)


def rename_provider(tx: Tx, provider_id: int, name: str) -> None:
    tx.run(_RENAME, id=provider_id, name=name)


def retire_provider(tx: Tx, provider_id: int) -> None:
    """He takes no more appointments; those that he has stay."""
    tx.run(_RETIRE, id=provider_id)


def set_services(tx: Tx, provider_id: int, services: Iterable[int] | None) -> None:
    """Set what a provider performs; None is everything."""
    tx.run(_PERFORMS_ALL, id=provider_id, performs_all=services is None)
    tx.run(_NO_SERVICES, id=provider_id)
    if services is not None:
        tx.run(_SERVICES, id=provider_id, services=sorted(set(services)))


def set_hours(tx: Tx, provider_id: int, hours: list[WeeklyHours]) -> None:
    """Replace the weekly hours."""
    tx.run(_NO_HOURS, id=provider_id)
    tx.run(
        _HOURS,
        id=provider_id,
        weekdays=[interval.weekday for interval in hours],
        starts=[minute(interval.start_time) for interval in hours],
        ends=[minute(interval.end_time) for interval in hours],
    )


def availability(connection: Connection, who: Caller, day: date) -> list[Availability]:
    """Return the spans added to a date, for staff."""
    rows = ask(connection, _AVAILABILITY, {"actor": who.actor, "sid": who.sid, "date": day}).all()
    if not rows:
        raise Unauthenticated
    if rows[0].role == UserRole.CUSTOMER:
        raise RoleNotAllowed
    return [
        Availability(
            row.id, row.date.isoformat(), clock_text(row.start_minute), clock_text(row.end_minute), row.provider_id
        )
        for row in rows
        if row.id is not None
    ]


def add_availability(tx: Tx, provider_id: int, span: AvailabilityRequest) -> int:
    """Insert a span; the constraint refuses one that overlaps another of this provider."""
    row = tx.one(_ADD, provider=provider_id, date=span.date, start=minute(span.start_time), end=minute(span.end_time))
    assert row is not None
    return int(row.id)


def lock_provider_of_availability(tx: Tx, availability_id: int) -> bool:
    return tx.one(_LOCK_OF, id=availability_id) is not None


def availability_in_use(tx: Tx, availability_id: int) -> bool:
    """Whether appointments of its provider lie in it."""
    return tx.one(_IN_USE, id=availability_id) is not None


def remove_availability(tx: Tx, availability_id: int) -> bool:
    return tx.run(_REMOVE, id=availability_id) == 1
