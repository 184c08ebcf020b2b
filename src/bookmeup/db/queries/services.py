"""The catalogue. Every write moves its version, which stamps the copies that are kept of it."""

import msgspec
from sqlalchemy import Connection, text

from bookmeup.db.prepared import ask
from bookmeup.db.transactions import Tx
from bookmeup.domain.money import Money
from bookmeup.schemas.services import Service, StoredService

COLUMNS = (
    "name", "price_minor", "currency", "duration", "description", "slot_interval", "buffer_before", "buffer_after",
    "minimum_notice", "booking_horizon", "cancellation_window",
)  # fmt: skip

_ALL = text(f"""
SELECT l.catalogue_version, s.id, {", ".join("s." + column for column in COLUMNS)}
FROM (SELECT catalogue_version FROM locations ORDER BY id LIMIT 1) l LEFT JOIN services s ON s.is_active ORDER BY s.id
""")  # noqa: S608 - constants
_VERSION = text("SELECT catalogue_version FROM locations ORDER BY id LIMIT 1")
_CURRENCY = text("SELECT currency FROM locations ORDER BY id LIMIT 1")
_TOUCH = text("UPDATE locations SET catalogue_version = catalogue_version + 1")
_LOCK = text("SELECT id FROM services WHERE id = :id FOR UPDATE")
_DELETE = text("""
DELETE FROM services s WHERE s.id = :id AND s.is_active
AND NOT EXISTS (SELECT 1 FROM appointments a WHERE a.service_id = s.id)
""")
_DEACTIVATE = text("UPDATE services SET is_active = false WHERE id = :id AND is_active")


def version(connection: Connection) -> int:
    return int(ask(connection, _VERSION).scalar_one())


def active(connection: Connection) -> tuple[int, list[Service]]:
    """Return the version and all active services, by id."""
    rows = ask(connection, _ALL).all()
    services = [
        Service(
            id=row.id,
            price=str(Money(row.price_minor, row.currency)),
            **{column: getattr(row, column) for column in COLUMNS},
        )
        for row in rows
        if row.id is not None
    ]
    return rows[0].catalogue_version, services


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
