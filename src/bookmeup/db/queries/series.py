"""The dates of a series, inserted in one statement: a year of days takes no longer than a customer waits."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import text

from bookmeup.db.queries.appointments import ACTIONS, Made, Place, Promise
from bookmeup.db.transactions import Tx

# As `appointments`' insert, of many; they are told apart by their starts, of which a series has each once.
_INSERT = text("""
WITH part AS (
  SELECT p.*, to_timestamp(p.starts) AS starts_at, to_timestamp(p.ends) AS ends_at
  FROM jsonb_to_recordset(CAST(:parts AS jsonb)) AS p (starts bigint, ends bigint, provider bigint, resource bigint,
    occurrence bigint, seat integer, capacity integer, duration integer, segments jsonb, price bigint, busy jsonb)
), made AS (
  INSERT INTO occurrences (service_id, starts_at, ends_at, capacity, provider_id)
  SELECT :service, starts_at, ends_at, capacity, provider FROM part WHERE occurrence IS NULL RETURNING id, starts_at
), appointment AS (
  INSERT INTO appointments (occurrence_id, seat_no, customer_id, service_id, provider_id, resource_id, location_id,
    starts_at, ends_at, duration, segments, addons, price_minor, currency, buffer_before, buffer_after,
    cancellation_window, idempotency_key, status, series_id, seats)
  SELECT coalesce(part.occurrence, made.id), part.seat, :customer, :service, part.provider, part.resource, :location,
    part.starts_at, part.ends_at, part.duration,
    CASE WHEN jsonb_array_length(part.segments) > 1
      THEN ARRAY(SELECT CAST(jsonb_array_elements_text(part.segments) AS integer)) END,
    CAST(:addons AS jsonb), part.price, :currency, :before, :after, :window, :key, :status, :series,
    greatest(part.capacity, (SELECT o.capacity FROM occurrences o WHERE o.id = part.occurrence))
  FROM part LEFT JOIN made USING (starts_at) RETURNING id, starts_at
), busy AS (
  INSERT INTO occupied (occurrence_id, resource_id, during, status)
  SELECT made.id, CAST(b ->> 0 AS bigint),
    tstzrange(to_timestamp(CAST(b ->> 1 AS bigint)), to_timestamp(CAST(b ->> 2 AS bigint))), :status
  FROM made JOIN part USING (starts_at), jsonb_array_elements(part.busy) AS b
), joined AS (
  UPDATE occupied SET status = CASE WHEN status = 'confirmed' THEN status ELSE :status END, hold_until = NULL
  WHERE occurrence_id IN (SELECT occurrence FROM part) AND status <> 'cancelled'
), trail AS (
  INSERT INTO audit_log (actor_id, action, subject, subject_id, details, request_id)
  SELECT :actor, :action, 'appointment', id, jsonb_build_object('starts_at', starts_at), :request_id FROM appointment
), work AS (
  INSERT INTO outbox (kind, payload, aggregate)
  SELECT 'appointment.' || :action, jsonb_build_object('id', id), 'appointment:' || id FROM appointment
)
SELECT id, extract(epoch FROM starts_at)::bigint AS starts FROM appointment
""")


def insert_all(tx: Tx, parts: Sequence[tuple[Place, Promise]], customer: int, made: Made) -> dict[int, int]:
    """Insert these dates with what they take and what follows; return their ids by their starts."""
    place, promise = parts[0]
    rows = tx.all(
        _INSERT,
        parts=msgspec.json.encode([_part(*part) for part in parts]).decode(),
        customer=customer,
        service=promise.service_id,
        location=place.location_id,
        addons=promise.addons.decode(),
        currency=promise.currency,
        before=promise.buffer_before,
        after=promise.buffer_after,
        window=promise.cancellation_window,
        key=tx.caller.key,
        status=made.status.value,
        series=made.series_id,
        actor=tx.caller.actor,
        action=ACTIONS[made.status],
        request_id=tx.caller.request_id,
    )
    return {row.starts: row.id for row in rows}


def _part(place: Place, promise: Promise) -> dict[str, object]:
    taken = [(place.provider_id, *span) for span in place.terms.occupied(place.start)]
    if place.resource_id is not None:
        taken.append((place.resource_id, *place.terms.whole(place.start)))
    return {
        "starts": place.start,
        "ends": place.start + place.terms.duration,
        "provider": place.provider_id,
        "resource": place.resource_id,
        "occurrence": place.occurrence_id,
        "seat": place.seat,
        "capacity": place.capacity,
        "duration": sum(promise.segments),
        "segments": promise.segments,
        "price": promise.price_minor,
        "busy": taken,
    }
