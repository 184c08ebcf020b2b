"""The waitlist and its offers: rows read in the order of the line, and written."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, text

from bookmeup.db.transactions import Tx
from bookmeup.domain.clock import moment
from bookmeup.domain.waitlist import EVERY_DAY, Wish
from bookmeup.schemas.text import minute
from bookmeup.schemas.users import Customer
from bookmeup.schemas.waitlist import WishRequest

_INSERT = text("""
WITH guest AS (
  INSERT INTO users (name, phone, contact_email)
  SELECT :name, :phone, :email WHERE CAST(:name AS text) IS NOT NULL RETURNING id
), customer AS (
  SELECT id FROM guest UNION ALL SELECT CAST(:customer AS bigint) WHERE CAST(:name AS text) IS NULL)
INSERT INTO waitlist (customer_id, service_id, provider_id, location_id, first_date, last_date, weekdays,
  start_minute, end_minute)
SELECT id, :service, :provider, CAST(:location AS bigint), :first, :last, CAST(:weekdays AS smallint[]),
  :start, :end FROM customer RETURNING id
""")
_KNOWN = text("""
SELECT s.id AS service, p.id AS provider, l.id AS location,
  (SELECT count(*) FROM waitlist w WHERE w.customer_id = :customer AND w.status IN ('waiting', 'offered')) AS wishes,
  (now() AT TIME ZONE (SELECT timezone FROM locations WHERE id = coalesce(
    l.id, (SELECT location_id FROM resources WHERE id = p.id), (SELECT min(id) FROM locations))))::date AS today
FROM (SELECT 1) one LEFT JOIN services s ON s.id = :service AND s.is_active
LEFT JOIN providers p ON p.id = :provider AND p.retired_at IS NULL LEFT JOIN locations l ON l.id = :location
""")
_WITHDRAW = text("""
UPDATE waitlist SET status = 'withdrawn' WHERE id = :id AND status IN ('waiting', 'offered') RETURNING status
""")
_ONE = text("""
SELECT w.id, w.customer_id, w.status, (SELECT o.appointment_id FROM offers o
  WHERE o.waitlist_id = w.id AND o.status = 'open') AS appointment_id
FROM waitlist w WHERE w.id = :id
""")

_CANDIDATES = """
SELECT w.id, w.customer_id, w.service_id, w.provider_id, w.location_id, w.first_date, w.last_date, w.weekdays,
  w.start_minute, w.end_minute, (SELECT coalesce(json_agg(json_build_array(extract(epoch FROM a.starts_at)::bigint,
    extract(epoch FROM a.ends_at)::bigint)), '[]')
    FROM offers o JOIN appointments a ON a.id = o.appointment_id WHERE o.waitlist_id = w.id) AS offered,
  (SELECT coalesce(json_agg(json_build_array(extract(epoch FROM a.starts_at)::bigint,
    extract(epoch FROM a.ends_at)::bigint)), '[]')
    FROM appointments a WHERE a.customer_id = w.customer_id AND a.status IN ('hold', 'pending', 'confirmed')
      AND a.starts_at BETWEEN CAST(:first AS date) - 3 AND CAST(:last AS date) + 2) AS busy
FROM waitlist w JOIN services s ON s.id = w.service_id AND s.is_active
WHERE w.status = 'waiting' AND w.last_date >= :first AND w.first_date <= :last
"""
_WAITING = text(f"{_CANDIDATES} ORDER BY w.id")
_LOCK_WAITING = text(f"{_CANDIDATES} AND w.id = ANY(CAST(:ids AS bigint[])) ORDER BY w.id FOR UPDATE OF w")
_OFFER = text("""
WITH made AS (
  INSERT INTO offers (waitlist_id, appointment_id, expires_at) VALUES (:wish, :appointment, :until) RETURNING id
), wish AS (
  UPDATE waitlist SET status = 'offered' WHERE id = :wish
), trail AS (
  INSERT INTO audit_log (action, subject, subject_id, details)
  SELECT 'made', 'offer', id, jsonb_build_object('waitlist_id', CAST(:wish AS bigint)) FROM made
)
INSERT INTO outbox (kind, payload, aggregate)
SELECT 'offer.made', jsonb_build_object('id', id), 'offer:' || id FROM made
""")
_OFFERED = text("""
SELECT o.id, o.appointment_id, o.status, o.expires_at <= now() AS is_over, w.customer_id
FROM offers o JOIN waitlist w ON w.id = o.waitlist_id WHERE o.id = :id
""")


def known(tx: Tx, wish: WishRequest, customer_id: int | None) -> Row[Any]:
    """Return service, provider and location where they exist, the customer's wishes, and which day it is there."""
    asked = {"service": wish.service_id, "provider": wish.provider_id, "location": wish.location_id}
    row = tx.one(_KNOWN, **asked, customer=customer_id)
    assert row is not None
    return row


def insert(tx: Tx, wish: WishRequest, customer: Customer | int) -> int:
    guest = customer if isinstance(customer, Customer) else None
    row = tx.one(
        _INSERT,
        name=guest.name if guest else None,
        phone=guest.phone if guest else None,
        email=guest.email if guest else None,
        customer=None if guest else customer,
        service=wish.service_id,
        provider=wish.provider_id,
        location=wish.location_id,
        first=wish.first_date,
        last=wish.last_date,
        weekdays=sorted(set(wish.weekdays or EVERY_DAY)),
        start=minute(wish.start_time),
        end=minute(wish.end_time),
    )
    assert row is not None
    return int(row.id)


def one(tx: Tx, wish_id: int) -> Row[Any] | None:
    """Return a wish with whom it is of, and the hold of its open offer."""
    return tx.one(_ONE, id=wish_id)


def withdraw(tx: Tx, wish_id: int) -> bool:
    return tx.one(_WITHDRAW, id=wish_id) is not None


def waiting(tx: Tx, first: date, last: date) -> list[Wish]:
    """Return who waits for something on these days, in line."""
    return _wishes(tx.all(_WAITING, first=first, last=last))


def lock_waiting(tx: Tx, first: date, last: date, ids: Sequence[int]) -> list[Wish]:
    """Return those of these who still wait, locked, so that nobody else makes them an offer."""
    return _wishes(tx.all(_LOCK_WAITING, first=first, last=last, ids=list(ids)))


def _wishes(rows: Sequence[Row[Any]]) -> list[Wish]:
    return [
        Wish(
            row.id,
            row.customer_id,
            row.service_id,
            row.provider_id,
            row.first_date,
            row.last_date,
            row.weekdays,
            row.start_minute,
            row.end_minute,
            [(start, end) for start, end in row.offered],
            row.location_id,
            [(start, end) for start, end in row.busy],
        )
        for row in rows
    ]


def offer(tx: Tx, wish_id: int, appointment_id: int, until: int) -> None:
    """Write an offer and the work that follows it; the wish waits for nothing else meanwhile."""
    tx.run(_OFFER, wish=wish_id, appointment=appointment_id, until=moment(until))


def offered(tx: Tx, offer_id: int) -> Row[Any] | None:
    """Return an offer with whom it is for."""
    return tx.one(_OFFERED, id=offer_id)
