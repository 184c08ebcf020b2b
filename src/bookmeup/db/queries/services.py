"""The catalogue. Every write moves its version, which stamps the copies that are kept of it."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, text

from bookmeup.db.prepared import ask
from bookmeup.db.transactions import Caller, Tx
from bookmeup.domain.money import Money
from bookmeup.domain.users import UserRole
from bookmeup.errors import RoleNotAllowed, Unauthenticated
from bookmeup.schemas.services import Service, StaffService, StoredService

COLUMNS = (
    "name", "price_minor", "currency", "duration", "description", "slot_interval", "buffer_before", "buffer_after",
    "minimum_notice", "booking_horizon", "cancellation_window", "category", "segments", "capacity", "needs_approval",
    "is_hidden", "marks_late", "resource_type",
)  # fmt: skip

_ALL = text(f"""
SELECT l.catalogue_version, s.id, {", ".join("s." + column for column in COLUMNS)}
FROM (SELECT catalogue_version FROM locations ORDER BY id LIMIT 1) l LEFT JOIN services s
  ON s.is_active AND NOT s.is_hidden ORDER BY s.id
""")  # noqa: S608 - constants
_ONE = text(f"""
SELECT s.id, {", ".join("s." + column for column in COLUMNS)} FROM services s WHERE s.id = :id AND s.is_active
""")  # noqa: S608 - constants
_EVERY = text(f"""
WITH actor AS (
  SELECT u.id, u.role FROM users u JOIN sessions s ON s.user_id = u.id
  WHERE u.id = :actor AND s.id = :sid AND s.ended_at IS NULL AND s.expires_at > now())
SELECT actor.role, s.id, s.is_active, {", ".join("s." + column for column in COLUMNS)}
FROM actor LEFT JOIN services s ON actor.role <> 'customer' ORDER BY s.id LIMIT 10000
""")  # noqa: S608 - constants
_TERMS = text("SELECT duration, currency FROM services WHERE id = :id AND is_active FOR NO KEY UPDATE")
_HAS_PRICES = text("""
SELECT 1 FROM addons WHERE service_id = :id AND is_active
UNION ALL SELECT 1 FROM provider_services WHERE service_id = :id AND price_minor IS NOT NULL LIMIT 1
""")
_VERSION = text("SELECT catalogue_version FROM locations ORDER BY id LIMIT 1")
_CURRENCY = text("SELECT currency FROM locations ORDER BY id LIMIT 1")
_TOUCH = text("""
UPDATE locations SET catalogue_version = catalogue_version + 1 WHERE id = (SELECT min(id) FROM locations)
""")
_LOCK_PROVIDERS = text("""
SELECT r.id FROM resources r JOIN providers p ON p.id = r.id WHERE p.retired_at IS NULL AND (p.performs_all OR EXISTS (
  SELECT 1 FROM provider_services d WHERE d.provider_id = p.id AND d.service_id = :id)) ORDER BY r.id FOR UPDATE OF r
""")
_LOCK = text("SELECT id FROM services WHERE id = :id FOR UPDATE")
_DELETE = text("""
DELETE FROM services s WHERE s.id = :id AND s.is_active
AND NOT EXISTS (SELECT 1 FROM appointments a WHERE a.service_id = s.id)
""")
_DEACTIVATE = text("UPDATE services SET is_active = false WHERE id = :id AND is_active")


def version(connection: Connection) -> int:
    return int(ask(connection, _VERSION).scalar_one())


def active(connection: Connection) -> tuple[int, list[Service]]:
    """Return the version and the services that anybody sees, by id."""
    rows = ask(connection, _ALL).all()
    return rows[0].catalogue_version, [Service(**_members(row)) for row in rows if row.id is not None]


def one(connection: Connection, service_id: int) -> Service | None:
    """Return an active service, a hidden one too."""
    row = ask(connection, _ONE, {"id": service_id}).first()
    return None if row is None else Service(**_members(row))


def every(connection: Connection, who: Caller) -> list[StaffService]:
    """Return all services that ever were, for staff."""
    rows = ask(connection, _EVERY, {"actor": who.actor, "sid": who.sid}).all()
    if not rows:
        raise Unauthenticated
    if rows[0].role == UserRole.CUSTOMER:
        raise RoleNotAllowed
    return [StaffService(**_members(row), is_active=row.is_active) for row in rows if row.id is not None]


def _members(row: Row[Any]) -> dict[str, Any]:
    members = {column: getattr(row, column) for column in COLUMNS}
    return {"id": row.id, "price": str(Money(row.price_minor, row.currency)), **members}


def lock_terms(tx: Tx, service_id: int) -> Row[Any] | None:
    """Lock a service that is about to change; return its duration and currency, None if there is no such."""
    return tx.one(_TERMS, id=service_id)


def lock_providers(tx: Tx, service_id: int) -> None:
    """Lock who performs a service, so that nobody is booked for it while it changes."""
    tx.run(_LOCK_PROVIDERS, id=service_id)


def has_prices(tx: Tx, service_id: int) -> bool:
    """Whether add-ons or providers have prices in its currency."""
    return tx.one(_HAS_PRICES, id=service_id) is not None


def currency(tx: Tx) -> str:
    """Return the location's currency."""
    row = tx.one(_CURRENCY)
    assert row is not None
    return str(row.currency)


def insert(tx: Tx, service: StoredService) -> int:
    given = _given(service)
    names = ", ".join(given)
    row = tx.one(
        text(f"INSERT INTO services ({names}) VALUES ({', '.join(':' + name for name in given)}) RETURNING id"),  # noqa: S608 - our own column names
        **given,
    )
    assert row is not None
    touch(tx)
    return int(row.id)


def update(tx: Tx, service_id: int, change: StoredService) -> bool:
    """Return whether there is such a service."""
    given = _given(change)
    changes = ", ".join(f"{name} = :{name}" for name in given) or "name = name"
    found = tx.run(text(f"UPDATE services SET {changes} WHERE id = :id AND is_active"), id=service_id, **given)  # noqa: S608 - our own column names
    touch(tx)
    return found == 1


def remove(tx: Tx, service_id: int) -> bool:
    """Delete a service, or deactivate it where appointments need it; return whether there was one.

    The lock waits for bookings under way, so that the next statement sees them.
    """
    tx.run(_LOCK, id=service_id)
    done = tx.run(_DELETE, id=service_id) or tx.run(_DEACTIVATE, id=service_id)
    touch(tx)
    return done == 1


def touch(tx: Tx) -> None:
    tx.run(_TOUCH)


def _given(service: StoredService) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(service).items() if value is not msgspec.UNSET}
