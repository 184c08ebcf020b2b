"""Rooms, chairs and devices: what a service may need one of."""

from msgspec import UNSET
from sqlalchemy import Connection, text

from bookmeup.db.prepared import ask
from bookmeup.db.transactions import Caller, Tx
from bookmeup.domain.users import UserRole
from bookmeup.errors import RoleNotAllowed, Unauthenticated
from bookmeup.schemas.business import Resource, ResourceRequest

_ALL = text("""
WITH actor AS (
  SELECT u.id, u.role FROM users u JOIN sessions s ON s.user_id = u.id
  WHERE u.id = :actor AND s.id = :sid AND s.ended_at IS NULL AND s.expires_at > now())
SELECT actor.role, r.id, r.name, r.type, r.location_id FROM actor LEFT JOIN resources r
  ON actor.role <> 'customer' AND r.kind = 'resource' AND r.retired_at IS NULL ORDER BY r.id LIMIT 10000
""")
_INSERT = text("""
INSERT INTO resources (kind, name, type, location_id)
VALUES ('resource', :name, :type, coalesce(CAST(:location AS bigint), (SELECT min(id) FROM locations))) RETURNING id
""")
_LOCK = text("SELECT id FROM resources WHERE id = :id AND kind = 'resource' AND retired_at IS NULL FOR UPDATE")
_CHANGE = text("""
UPDATE resources SET name = coalesce(:name, name), type = coalesce(:type, type),
  location_id = coalesce(CAST(:location AS bigint), location_id) WHERE id = :id
""")
_RETIRE = text("UPDATE resources SET retired_at = now() WHERE id = :id")


def every(connection: Connection, who: Caller) -> list[Resource]:
    """Return those in use, for staff."""
    rows = ask(connection, _ALL, {"actor": who.actor, "sid": who.sid}).all()
    if not rows:
        raise Unauthenticated
    if rows[0].role == UserRole.CUSTOMER:
        raise RoleNotAllowed
    return [Resource(row.id, row.name, row.type, row.location_id) for row in rows if row.id is not None]


def insert(tx: Tx, wanted: ResourceRequest) -> int:
    row = tx.one(_INSERT, **_given(wanted))
    assert row is not None
    return int(row.id)


def lock(tx: Tx, resource_id: int) -> bool:
    """Lock a room, chair or device as bookings do; return whether there is such a one."""
    return tx.one(_LOCK, id=resource_id) is not None


def change(tx: Tx, resource_id: int, wanted: ResourceRequest) -> None:
    tx.run(_CHANGE, id=resource_id, **_given(wanted))


def retire(tx: Tx, resource_id: int) -> None:
    tx.run(_RETIRE, id=resource_id)


def _given(wanted: ResourceRequest) -> dict[str, object]:
    given = {"name": wanted.name, "type": wanted.type, "location": wanted.location_id}
    return {name: None if value is UNSET else value for name, value in given.items()}
