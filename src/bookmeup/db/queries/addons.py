"""What can be added to a service."""

from msgspec import UNSET
from sqlalchemy import Connection, text

from bookmeup.db.prepared import ask
from bookmeup.db.transactions import Tx
from bookmeup.domain.money import Money
from bookmeup.schemas.addons import Addon

_OF = text("""
SELECT s.currency, a.id, a.name, a.duration, a.price_minor
FROM services s LEFT JOIN addons a ON a.service_id = s.id AND a.is_active
WHERE s.id = :service AND s.is_active ORDER BY a.id LIMIT 10000
""")
_CURRENCY = text("SELECT currency FROM services WHERE id = :service AND is_active FOR SHARE")
_INSERT = text("""
INSERT INTO addons (service_id, name, duration, price_minor) VALUES (:service, :name, :duration, :price) RETURNING id
""")
_CHANGE = text("""
UPDATE addons SET name = coalesce(:name, name), duration = coalesce(:duration, duration),
  price_minor = coalesce(:price, price_minor)
WHERE id = :id AND service_id = :service AND is_active
""")
_REMOVE = text("UPDATE addons SET is_active = false WHERE id = :id AND service_id = :service AND is_active")


def of_service(connection: Connection, service_id: int) -> list[Addon] | None:
    """Return a service's add-ons, None if there is no such service."""
    rows = ask(connection, _OF, {"service": service_id}).all()
    if not rows:
        return None
    return [
        Addon(row.id, row.name, row.duration, str(Money(row.price_minor, row.currency)), row.price_minor, row.currency)
        for row in rows
        if row.id is not None
    ]


def currency_of(tx: Tx, service_id: int) -> str | None:
    """Return the currency of a service, which stays while this is written; None if there is no such service."""
    row = tx.one(_CURRENCY, service=service_id)
    return None if row is None else str(row.currency)


def insert(tx: Tx, service_id: int, name: str, duration: int, price: int) -> int:
    row = tx.one(_INSERT, service=service_id, name=name, duration=duration, price=price)
    assert row is not None
    return int(row.id)


def change(tx: Tx, service_id: int, addon_id: int, **given: object) -> bool:
    """Change what is given; return whether there is such an add-on."""
    values = {name: None if given[name] is UNSET else given[name] for name in ("name", "duration", "price")}
    return tx.run(_CHANGE, id=addon_id, service=service_id, **values) == 1


def remove(tx: Tx, service_id: int, addon_id: int) -> bool:
    """Offer it no more; appointments have what they were promised."""
    return tx.run(_REMOVE, id=addon_id, service=service_id) == 1
