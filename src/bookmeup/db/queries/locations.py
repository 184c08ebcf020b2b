"""The places of the business, and the locks under which their calendars change."""

import msgspec
from sqlalchemy import Connection, text

from bookmeup.db.prepared import ask
from bookmeup.db.transactions import Tx
from bookmeup.schemas.business import Location, LocationChange

_FIRST = text("SELECT id, name, timezone, currency, address, locale FROM locations ORDER BY id LIMIT 1")
_ALL = text("SELECT id, name, timezone, currency, address, locale FROM locations ORDER BY id LIMIT 10000")
_CHANGE = text("""
UPDATE locations SET name = coalesce(:name, name), timezone = coalesce(:timezone, timezone),
  currency = coalesce(:currency, currency), address = coalesce(:address, address), locale = coalesce(:locale, locale)
WHERE id = :id
""")
_INSERT = text("""
INSERT INTO locations (name, timezone, currency, address, locale)
SELECT :name, coalesce(:timezone, timezone), coalesce(:currency, currency), coalesce(:address, ''),
  coalesce(:locale, locale)
FROM locations ORDER BY id LIMIT 1 RETURNING id
""")
_KNOWN_ZONE = text("SELECT 1 FROM pg_timezone_names WHERE name = :zone")
_CALENDAR = text("SELECT pg_advisory_xact_lock(hashtextextended('location:' || CAST(:id AS text), 0))")
_EXISTS = text("SELECT id FROM locations WHERE id = coalesce(CAST(:id AS bigint), (SELECT min(id) FROM locations))")
_LOCK = text("""
SELECT r.id, r.kind FROM resources r WHERE r.location_id = :id AND r.retired_at IS NULL ORDER BY r.id FOR UPDATE
""")


def first(connection: Connection) -> Location:
    return Location(**ask(connection, _FIRST).one()._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def every(connection: Connection) -> list[Location]:
    return [Location(**row._mapping) for row in ask(connection, _ALL).all()]  # noqa: SLF001 - as above


def resolve(tx: Tx, location_id: int | None) -> int | None:
    """Return the id of a location, of the first where none is named; None if there is no such."""
    row = tx.one(_EXISTS, id=location_id)
    return None if row is None else int(row.id)


def knows_zone(tx: Tx, zone: str) -> bool:
    """Whether PostgreSQL has this zone too: its names and Python's are not quite the same."""
    return tx.one(_KNOWN_ZONE, zone=zone) is not None


def change(tx: Tx, location_id: int, wanted: LocationChange) -> None:
    tx.run(_CHANGE, id=location_id, **_given(wanted))


def insert(tx: Tx, wanted: LocationChange) -> int:
    """Insert a location with the zone, currency and locale of the first where they are not given."""
    row = tx.one(_INSERT, **_given(wanted))
    assert row is not None
    return int(row.id)


def _given(wanted: LocationChange) -> dict[str, object]:
    return {name: None if value is msgspec.UNSET else value for name, value in msgspec.structs.asdict(wanted).items()}


def lock_calendar(tx: Tx, location_id: int) -> None:
    """Keep others from adding providers to a location while its closures or zone change, and the reverse.

    Locks on the rows of its providers cannot hold up one who is not there yet.
    """
    tx.run(_CALENDAR, id=location_id)


def lock_all(tx: Tx, location_id: int) -> list[int]:
    """Lock everybody and everything at a location, in order of id, as bookings do; return the providers."""
    lock_calendar(tx, location_id)
    return [row.id for row in tx.all(_LOCK, id=location_id) if row.kind == "provider"]
