"""The providers with their hours and what is their own, and the spans added to dates."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, text

from bookmeup.db.prepared import ask
from bookmeup.db.transactions import Caller, Tx
from bookmeup.domain.money import Money
from bookmeup.domain.users import UserRole
from bookmeup.errors import RoleNotAllowed, Unauthenticated
from bookmeup.schemas.business import (
    Availability,
    AvailabilityRequest,
    Own,
    Provider,
    WeeklyHours,
)
from bookmeup.schemas.text import clock_text, minute

_PROVIDERS = text("""
SELECT p.id, p.name, p.is_default, p.performs_all, r.location_id,
  (SELECT coalesce(json_agg(json_build_array(ps.service_id, ps.duration, ps.price_minor, s.currency)
     ORDER BY ps.service_id), '[]')
   FROM provider_services ps JOIN services s ON s.id = ps.service_id AND s.is_active
   WHERE ps.provider_id = p.id AND (ps.duration IS NOT NULL OR ps.price_minor IS NOT NULL)) AS own,
  (SELECT coalesce(json_agg(ps.service_id ORDER BY ps.service_id), '[]')
   FROM provider_services ps JOIN services s ON s.id = ps.service_id AND s.is_active
   WHERE ps.provider_id = p.id) AS services,
  (SELECT coalesce(json_agg(json_build_array(w.weekday, w.start_minute, w.end_minute)
     ORDER BY w.weekday, w.start_minute), '[]') FROM weekly_hours w WHERE w.provider_id = p.id) AS hours
FROM providers p JOIN resources r ON r.id = p.id WHERE p.retired_at IS NULL ORDER BY p.id LIMIT 10000
""")
_INSERT_PROVIDER = text("""
WITH r AS (INSERT INTO resources (kind, location_id) VALUES ('provider', :location) RETURNING id)
INSERT INTO providers (id, name, performs_all) SELECT id, :name, :performs_all FROM r RETURNING id
""")
_LOCK_PROVIDER = text("""
SELECT r.id FROM resources r JOIN providers p ON p.id = r.id WHERE p.id = :id AND p.retired_at IS NULL FOR UPDATE OF r
""")
_LOCK_DEFAULT = text("""
SELECT r.id FROM resources r JOIN providers p ON p.id = r.id WHERE p.is_default AND p.retired_at IS NULL FOR UPDATE OF r
""")
_RELOCATE = text("UPDATE resources SET location_id = :location WHERE id = :id")
_RENAME = text("UPDATE providers SET name = :name WHERE id = :id")
_PERFORMS_ALL = text("UPDATE providers SET performs_all = :performs_all WHERE id = :id")
_RETIRE = text("UPDATE providers SET retired_at = now() WHERE id = :id")
_NO_OTHER_SERVICES = text("""
DELETE FROM provider_services WHERE provider_id = :id AND CASE WHEN CAST(:services AS bigint[]) IS NULL
  THEN duration IS NULL AND price_minor IS NULL ELSE service_id <> ALL(CAST(:services AS bigint[])) END
""")
_SERVICES = text("""
INSERT INTO provider_services (provider_id, service_id)
SELECT :id, unnest(CAST(:services AS bigint[])) ON CONFLICT DO NOTHING
""")
_NOTHING_OWN = text("""
WITH left_over AS (
  DELETE FROM provider_services WHERE provider_id = :id AND (SELECT performs_all FROM providers WHERE id = :id)
)
UPDATE provider_services SET duration = NULL, price_minor = NULL WHERE provider_id = :id
  AND NOT (SELECT performs_all FROM providers WHERE id = :id)
""")
_OWN = text("""
INSERT INTO provider_services (provider_id, service_id, duration, price_minor)
SELECT p.id, o.service, o.duration, o.price
FROM providers p CROSS JOIN unnest(
  CAST(:services AS bigint[]), CAST(:durations AS integer[]), CAST(:prices AS bigint[])) AS o (service, duration, price)
WHERE p.id = :id AND (p.performs_all OR EXISTS (
  SELECT 1 FROM provider_services d WHERE d.provider_id = p.id AND d.service_id = o.service))
ON CONFLICT (provider_id, service_id) DO UPDATE SET duration = excluded.duration, price_minor = excluded.price_minor
""")
_CURRENCIES = text("""
SELECT id, currency FROM services WHERE id = ANY(CAST(:services AS bigint[])) AND is_active ORDER BY id FOR SHARE
""")
_TOO_SHORT = text("""
SELECT d.service_id FROM provider_services d JOIN services s ON s.id = d.service_id
WHERE (d.provider_id = :provider OR d.service_id = :service)
  AND s.duration - d.duration >= s.segments[array_length(s.segments, 1)] LIMIT 1
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
ORDER BY a.start_minute, a.provider_id LIMIT 10000
""")
_ADD = text("""
INSERT INTO availability (provider_id, date, start_minute, end_minute)
VALUES (:provider, :date, :start, :end) RETURNING id
""")
_LOCK_OF = text("""
SELECT r.id FROM resources r WHERE r.id = (SELECT provider_id FROM availability WHERE id = :id) FOR UPDATE
""")
# By the clock on the wall, so that of an hour that comes twice both are meant; an appointment over that change may end
# earlier on it than it starts. None is longer than a day: the last two conditions are for the index.
_IN_USE = text("""
SELECT 1 FROM availability a JOIN resources r ON r.id = a.provider_id JOIN locations l ON l.id = r.location_id
JOIN appointments p ON p.provider_id = a.provider_id AND p.status IN ('hold', 'pending', 'confirmed')
  AND (p.hold_until IS NULL OR p.hold_until > now())
  AND p.starts_at AT TIME ZONE l.timezone < a.date + make_interval(mins => a.end_minute)
  AND greatest(p.starts_at AT TIME ZONE l.timezone, p.ends_at AT TIME ZONE l.timezone)
    > a.date + make_interval(mins => a.start_minute)
  AND p.starts_at > CAST(a.date AS timestamp) AT TIME ZONE 'UTC' - interval '2 days'
  AND p.starts_at < CAST(a.date AS timestamp) AT TIME ZONE 'UTC' + interval '2 days'
WHERE a.id = :id LIMIT 1
""")
_REMOVE = text("DELETE FROM availability WHERE id = :id")


def providers(connection: Connection) -> list[Provider]:
    return [
        Provider(
            id=row.id,
            name=row.name,
            is_default=row.is_default,
            services=None if row.performs_all else row.services,
            hours=[WeeklyHours(day, clock_text(start), clock_text(end)) for day, start, end in row.hours],
            location_id=row.location_id,
            own=[
                Own(service, duration, None if price is None else str(Money(price, currency)), price)
                for service, duration, price, currency in row.own
            ],
        )
        for row in ask(connection, _PROVIDERS).all()
    ]


def insert_provider(tx: Tx, name: str, location_id: int) -> int:
    """Insert one who performs every service, until it is said which."""
    row = tx.one(_INSERT_PROVIDER, name=name, performs_all=True, location=location_id)
    assert row is not None
    return int(row.id)


def lock_provider(tx: Tx, provider_id: int | None) -> int | None:
    """Lock a provider who is not retired, the default one where none is named; return the id, None if there is none."""
    row = tx.one(_LOCK_DEFAULT) if provider_id is None else tx.one(_LOCK_PROVIDER, id=provider_id)
    return None if row is None else int(row.id)


def rename_provider(tx: Tx, provider_id: int, name: str) -> None:
    tx.run(_RENAME, id=provider_id, name=name)


def relocate_provider(tx: Tx, provider_id: int, location_id: int) -> None:
    tx.run(_RELOCATE, id=provider_id, location=location_id)


def retire_provider(tx: Tx, provider_id: int) -> None:
    """He takes no more appointments; those that he has stay."""
    tx.run(_RETIRE, id=provider_id)


def set_services(tx: Tx, provider_id: int, services: Iterable[int] | None) -> None:
    """Set what a provider performs; None is everything. What is his own of those that stay remains."""
    wanted = None if services is None else sorted(set(services))
    tx.run(_PERFORMS_ALL, id=provider_id, performs_all=wanted is None)
    tx.run(_NO_OTHER_SERVICES, id=provider_id, services=wanted)
    if wanted:
        tx.run(_SERVICES, id=provider_id, services=wanted)


class OwnTerms(NamedTuple):
    """Minutes and minor units; None is the service's."""

    service_id: int
    duration: int | None
    price_minor: int | None


def set_own(tx: Tx, provider_id: int, own: Sequence[OwnTerms]) -> bool:
    """Replace what is a provider's own; return whether he performs all that it names."""
    tx.run(_NOTHING_OWN, id=provider_id)
    written = tx.run(
        _OWN,
        id=provider_id,
        services=[terms.service_id for terms in own],
        durations=[terms.duration for terms in own],
        prices=[terms.price_minor for terms in own],
    )
    return written == len(own)


def currencies(tx: Tx, services: Iterable[int]) -> dict[int, str]:
    """Return the currency of each of these services that is active."""
    return {row.id: row.currency for row in tx.all(_CURRENCIES, services=list(services))}


def too_short(tx: Tx, *, provider_id: int | None = None, service_id: int | None = None) -> int | None:
    """Return a service whose segments do not fit into the own duration of a provider, None if all do."""
    row = tx.one(_TOO_SHORT, provider=provider_id, service=service_id)
    return None if row is None else int(row.service_id)


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


def lock_provider_of_availability(tx: Tx, availability_id: int) -> int | None:
    row = tx.one(_LOCK_OF, id=availability_id)
    return None if row is None else int(row.id)


def availability_in_use(tx: Tx, availability_id: int) -> bool:
    """Whether appointments of its provider lie in it."""
    return tx.one(_IN_USE, id=availability_id) is not None


def remove_availability(tx: Tx, availability_id: int) -> bool:
    return tx.run(_REMOVE, id=availability_id) == 1
