"""Appointments that were made together, the dates of a series or the parts of a visit: made, found, locked."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, text

from bookmeup.db.transactions import Tx
from bookmeup.domain.appointments import Booked, Status
from bookmeup.schemas.users import Customer


class Together(StrEnum):
    """What they are; appointments name it by the column `series_id` or `visit_id`."""

    SERIES = "series"
    VISIT = "visit"


_CUSTOMER = """WITH guest AS (
  INSERT INTO users (name, phone, contact_email)
  SELECT :name, :phone, :email WHERE CAST(:name AS text) IS NOT NULL RETURNING id
), customer AS (
  SELECT id FROM guest UNION ALL SELECT CAST(:customer AS bigint) WHERE CAST(:name AS text) IS NULL)"""
_INSERT = {
    Together.SERIES: text(f"""{_CUSTOMER}
INSERT INTO series (customer_id, rule) SELECT id, :rule FROM customer RETURNING id, customer_id"""),  # noqa: S608 - constants
    Together.VISIT: text(f"""{_CUSTOMER}
INSERT INTO visits (customer_id) SELECT id FROM customer RETURNING id, customer_id"""),  # noqa: S608 - constants
}

_LOCK = """
SELECT r.id FROM resources r WHERE r.id IN (
  SELECT unnest(ARRAY[provider_id, resource_id]) FROM appointments WHERE {column} = :id)
ORDER BY r.id FOR UPDATE
"""
_FOUND = """
SELECT a.id, a.customer_id, a.status, extract(epoch FROM a.starts_at)::bigint AS starts, a.cancellation_window,
       a.hold_until <= now() AS is_over, s.marks_late
FROM appointments a JOIN services s ON s.id = a.service_id WHERE a.{column} = :id ORDER BY a.starts_at, a.id
"""
_LOCKS = {kind: text(_LOCK.format(column=f"{kind}_id")) for kind in Together}
_FINDS = {kind: text(_FOUND.format(column=f"{kind}_id")) for kind in Together}


def insert(tx: Tx, kind: Together, customer: Customer | int, rule: str = "") -> tuple[int, int]:
    """Insert a series or a visit; return its id and its customer's, who may be made with it."""
    guest = customer if isinstance(customer, Customer) else None
    row = tx.one(
        _INSERT[kind],
        name=guest.name if guest else None,
        phone=guest.phone if guest else None,
        email=guest.email if guest else None,
        customer=None if guest else customer,
        **({"rule": rule} if kind is Together.SERIES else {}),
    )
    assert row is not None
    return int(row.id), int(row.customer_id)


def locked(tx: Tx, kind: Together, together_id: int) -> list[Booked]:
    """Lock all that these appointments take, in order of id, then read them, by time."""
    tx.run(_LOCKS[kind], id=together_id)
    return _booked(tx.all(_FINDS[kind], id=together_id))


def _booked(rows: Sequence[Row[Any]]) -> list[Booked]:
    return [
        Booked(
            row.id,
            row.customer_id,
            Status.CANCELLED if row.is_over and row.status == Status.HOLD else Status(row.status),
            row.starts,
            None if row.cancellation_window is None else timedelta(minutes=row.cancellation_window),
            row.marks_late,
        )
        for row in rows
    ]
