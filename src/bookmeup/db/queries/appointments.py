"""Appointments: found for the rules, and written after them. What is written says what it takes of whom."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, TextClause, text

from bookmeup.db.queries.alone import alone
from bookmeup.db.transactions import Tx
from bookmeup.domain.appointments import Booked, Status
from bookmeup.domain.clock import moment
from bookmeup.domain.slots import Terms
from bookmeup.domain.spans import Span
from bookmeup.errors import SlotTaken, Unavailable
from bookmeup.schemas.users import Customer

# Who takes a seat keeps the group's time at least as firmly as himself: a hold ends no time that is booked.
_JOINED = """joined AS (
  UPDATE occupied SET
    status = CASE WHEN :status = 'hold' OR status = 'confirmed' THEN status ELSE :status END,
    hold_until = CASE WHEN :status = 'hold' AND status = 'hold' THEN greatest(hold_until, :hold_until) END
  WHERE occurrence_id = CAST(:occurrence AS bigint) AND status <> 'cancelled')"""


def _insert(customer: str, joined: str, numbered: str) -> TextClause:
    return text(f"""
WITH customer AS ({customer}), made AS (
  INSERT INTO occurrences (service_id, starts_at, ends_at, capacity, provider_id)
  SELECT :service, :starts, :ends, :capacity, :provider WHERE CAST(:occurrence AS bigint) IS NULL RETURNING id, capacity
), occurrence AS (
  SELECT id, capacity FROM made UNION ALL SELECT o.id, greatest(o.capacity, CAST(:capacity AS integer))
  FROM occurrences o WHERE o.id = CAST(:occurrence AS bigint)
    AND EXISTS (SELECT 1 FROM occupied b WHERE b.occurrence_id = o.id AND b.status <> 'cancelled')
), appointment AS (
  INSERT INTO appointments ({numbered and "id, "}occurrence_id, seat_no, customer_id, service_id, provider_id,
    resource_id, location_id, starts_at, ends_at, duration, segments, addons, price_minor, currency, buffer_before,
    buffer_after, cancellation_window, idempotency_key, status, hold_until, series_id, visit_id, seats)
  {numbered and "OVERRIDING SYSTEM VALUE"}
  SELECT {numbered}occurrence.id, :seat, customer.id, :service, :provider, CAST(:resource AS bigint), :location,
    :starts, :ends, :duration, CAST(:segments AS integer[]), CAST(:addons AS jsonb), :price, :currency, :before, :after,
    :window, :key, :status, CAST(:hold_until AS timestamptz), CAST(:series AS bigint), CAST(:visit AS bigint),
    occurrence.capacity
  FROM occurrence, customer RETURNING id
), busy AS (
  INSERT INTO occupied (occurrence_id, resource_id, during, status, hold_until)
  SELECT made.id, taken.resource, tstzrange(taken.since, taken.until), :status, CAST(:hold_until AS timestamptz)
  FROM made, unnest(CAST(:resources AS bigint[]), CAST(:since AS timestamptz[]), CAST(:until AS timestamptz[]))
    AS taken (resource, since, until)
){joined}, trail AS (
  INSERT INTO audit_log (actor_id, action, subject, subject_id, details, request_id)
  SELECT :actor, :action, 'appointment', id, jsonb_build_object('starts_at', CAST(:starts AS timestamptz)), :request_id
  FROM appointment
), work AS (
  INSERT INTO outbox (kind, payload, aggregate)
  SELECT 'appointment.' || :action, jsonb_build_object('id', id), 'appointment:' || id FROM appointment
)
SELECT id FROM appointment
""")  # noqa: S608 - constants


_CUSTOMER = "SELECT CAST(:customer AS bigint) AS id"
# Only staff make users of guests; who works the outbox off may not.
_GUEST = "INSERT INTO users (name, phone, contact_email) VALUES (:guest_name, :guest_phone, :guest_email) RETURNING id"
# By whether it is for a guest, and whether it joins a group: what is not needed costs time all the same.
_INSERT = {
    (is_guest, joins): _insert(_GUEST if is_guest else _CUSTOMER, f", {_JOINED}" if joins else "", "")
    for is_guest in (False, True)
    for joins in (False, True)
}
_INSERT_NUMBERED = {is_guest: _insert(_GUEST if is_guest else _CUSTOMER, "", ":id, ") for is_guest in (False, True)}

_FOUND = text("""
SELECT a.id, a.customer_id, a.status, extract(epoch FROM a.starts_at)::bigint AS starts, a.cancellation_window,
       a.occurrence_id, a.service_id, a.provider_id, a.duration, a.segments, a.buffer_before, a.buffer_after, a.version,
       a.hold_until, a.hold_until <= now() AS is_over, s.marks_late, s.needs_approval
FROM appointments a JOIN services s ON s.id = a.service_id WHERE a.id = :id
""")

_LOCK = text("""
SELECT r.id FROM resources r WHERE r.id IN (
  SELECT provider_id FROM appointments WHERE id = :id UNION ALL SELECT resource_id FROM appointments WHERE id = :id)
ORDER BY r.id FOR UPDATE
""")

# A group's time stays while others have seats in it, as firmly as the firmest of them.
_LEAVE = """rest AS (
  SELECT g.occurrence_id, CASE WHEN count(t.id) = 0 THEN 'cancelled'
      WHEN bool_or(t.status NOT IN ('hold', 'pending')) THEN 'confirmed'
      WHEN bool_or(t.status = 'pending') THEN 'pending' ELSE 'hold' END AS status,
    CASE WHEN bool_and(t.status = 'hold') THEN max(t.hold_until) END AS hold_until
  FROM (SELECT DISTINCT occurrence_id FROM appointments WHERE id = ANY(CAST(:ids AS bigint[]))) g
  LEFT JOIN appointments t ON t.occurrence_id = g.occurrence_id AND t.id <> ALL(CAST(:ids AS bigint[]))
    AND t.status <> 'cancelled' AND (t.hold_until IS NULL OR t.hold_until > now())
  GROUP BY g.occurrence_id
), left_behind AS (
  UPDATE occupied b SET status = rest.status, hold_until = rest.hold_until FROM rest
  WHERE b.occurrence_id = rest.occurrence_id AND b.status <> 'cancelled')"""

# Each change of state writes its row of the trail and of the outbox in its own statement.
_FOLLOWS = """, trail AS (
  INSERT INTO audit_log (actor_id, action, subject, subject_id, details, request_id)
  SELECT :actor, :action, 'appointment', id, details, :request_id FROM changed
)
INSERT INTO outbox (kind, payload, aggregate)
SELECT 'appointment.' || :action, jsonb_build_object('id', id) || CAST(:more AS jsonb), 'appointment:' || id
FROM changed"""

# What keeps an offer's time ends with it: whoever cancels or confirms the hold settles the offer too.
_DECLINED = """declined AS (
  UPDATE offers SET status = 'declined' WHERE appointment_id = ANY(CAST(:ids AS bigint[])) AND status = 'open'
  RETURNING waitlist_id
), waiting AS (
  UPDATE waitlist SET status = 'waiting' WHERE id IN (SELECT waitlist_id FROM declined) AND status = 'offered')"""
_ACCEPTED = """accepted AS (
  UPDATE offers SET status = 'accepted'
  WHERE appointment_id = :id AND status = 'open' AND :status IN ('pending', 'confirmed') RETURNING waitlist_id
), fulfilled AS (
  UPDATE waitlist SET status = 'fulfilled' WHERE id IN (SELECT waitlist_id FROM accepted))"""

_LEAVE_NOW = text(f"WITH {_LEAVE} SELECT 1")
_MOVE = text(f"""
WITH made AS (
  INSERT INTO occurrences (service_id, starts_at, ends_at, capacity, provider_id)
  SELECT service_id, :starts, :ends, :capacity, :provider FROM appointments
  WHERE id = :id AND CAST(:occurrence AS bigint) IS NULL RETURNING id
), changed AS (
  UPDATE appointments SET starts_at = :starts, ends_at = :ends, provider_id = :provider, seat_no = :seat,
    location_id = :location, seats = greatest(CAST(:capacity AS integer),
      (SELECT capacity FROM occurrences WHERE id = CAST(:occurrence AS bigint))),
    resource_id = CAST(:resource AS bigint), version = version + 1,
    occurrence_id = coalesce(CAST(:occurrence AS bigint), (SELECT id FROM made))
  WHERE id = :id AND version = :version RETURNING id, status, hold_until, CAST(:details AS jsonb) AS details
), busy AS (
  INSERT INTO occupied (occurrence_id, resource_id, during, status, hold_until)
  SELECT made.id, taken.resource, tstzrange(taken.since, taken.until), changed.status, changed.hold_until
  FROM made, changed, unnest(CAST(:resources AS bigint[]), CAST(:since AS timestamptz[]), CAST(:until AS timestamptz[]))
    AS taken (resource, since, until)
), {_JOINED}{_FOLLOWS}
""")  # noqa: S608 - constants

_CANCEL = text(f"""
WITH {_LEAVE}, {_DECLINED}, changed AS (
  UPDATE appointments SET status = 'cancelled', cancelled_at = now(), is_late = id = ANY(CAST(:late AS bigint[])),
    cancel_reason = :reason, version = version + 1
  WHERE id = ANY(CAST(:ids AS bigint[])) AND status IN ('hold', 'pending', 'confirmed')
  RETURNING id, jsonb_build_object('reason', cancel_reason, 'late', is_late) AS details
){_FOLLOWS}
""")  # noqa: S608 - constants


def _become(customer: str, guest: str = "") -> TextClause:
    return text(f"""
WITH {guest}{_ACCEPTED}, changed AS (
  UPDATE appointments SET status = :status, hold_until = NULL, version = version + 1, customer_id = {customer}
  WHERE id = :id AND version = :version RETURNING id, occurrence_id, CAST(:details AS jsonb) AS details
), firmer AS (
  UPDATE occupied b SET status = :occupied, hold_until = NULL FROM changed
  WHERE b.occurrence_id = changed.occurrence_id AND b.status NOT IN ('cancelled', 'confirmed')
){_FOLLOWS}
""")  # noqa: S608 - constants


_BECOME = {False: _become(":customer"), True: _become("(SELECT id FROM guest)", f"guest AS ({_GUEST}), ")}

_HOLDS = text("""
SELECT count(*) FROM appointments WHERE customer_id = :customer AND status = 'hold' AND hold_until > now()
  AND NOT EXISTS (SELECT 1 FROM offers WHERE appointment_id = appointments.id)
""")


class Place(NamedTuple):
    """Where an appointment is put: with whom, in which room, in which group occurrence and seat of it."""

    provider_id: int
    start: int
    terms: Terms
    location_id: int
    resource_id: int | None = None
    occurrence_id: int | None = None
    seat: int = 1
    capacity: int = 1

    def values(self) -> dict[str, object]:
        """Return what both inserting and moving need; the provider is taken per segment, the resource for the whole."""
        taken = [(self.provider_id, *span) for span in self.terms.occupied(self.start)]
        if self.resource_id is not None:
            taken.append((self.resource_id, *self.terms.whole(self.start)))
        return {
            "provider": self.provider_id,
            "starts": moment(self.start),
            "ends": moment(self.start + self.terms.duration),
            "resource": self.resource_id,
            "occurrence": self.occurrence_id,
            "seat": self.seat,
            "capacity": self.capacity,
            "resources": [resource for resource, _, _ in taken],
            "since": [moment(since) for _, since, _ in taken],
            "until": [moment(until) for _, _, until in taken],
        }


class Promise(NamedTuple):
    """What is frozen on an appointment: minutes, minor units, and the add-ons as JSON."""

    service_id: int
    segments: list[int]
    price_minor: int
    currency: str
    buffer_before: int
    buffer_after: int
    cancellation_window: int | None
    addons: bytes = b"[]"


class Made(NamedTuple):
    """For whom, in which state, and as part of what."""

    customer: Customer | int
    status: Status = Status.CONFIRMED
    hold_until: int | None = None
    series_id: int | None = None
    visit_id: int | None = None


ACTIONS = {Status.HOLD: "held", Status.PENDING: "requested", Status.CONFIRMED: "booked"}


def insert(tx: Tx, place: Place, promise: Promise, made: Made, number: int | None = None) -> int:
    """Insert the appointment, its occurrence, the time it takes and what follows, in one statement; return its id.

    With a `number`, its id, it is sent with COMMIT where that cannot be refused: nothing is to be learnt from it then.
    """
    values = place.values() | _customer(made.customer) | _made(tx, place, promise, made)
    is_guest, joins = isinstance(made.customer, Customer), place.occurrence_id is not None
    if number is not None and not joins and (is_guest or made.customer == tx.caller.actor):
        tx.soon(_INSERT_NUMBERED[is_guest], **values, id=number)
        return number
    row = tx.one(_INSERT[is_guest, joins], **values)
    if row is None:  # a group that ended meanwhile
        raise SlotTaken
    return int(row.id)


def _made(tx: Tx, place: Place, promise: Promise, made: Made) -> dict[str, object]:
    return {
        "service": promise.service_id,
        "location": place.location_id,
        "duration": sum(promise.segments),
        "segments": promise.segments if len(promise.segments) > 1 else None,
        "addons": promise.addons.decode(),
        "price": promise.price_minor,
        "currency": promise.currency,
        "before": promise.buffer_before,
        "after": promise.buffer_after,
        "window": promise.cancellation_window,
        "key": tx.caller.key,
        "status": made.status.value,
        "hold_until": None if made.hold_until is None else moment(made.hold_until),
        "series": made.series_id,
        "visit": made.visit_id,
        "actor": tx.caller.actor,
        "action": ACTIONS[made.status],
        "request_id": tx.caller.request_id,
    }


def _customer(customer: Customer | int) -> dict[str, object]:
    if isinstance(customer, int):
        return {"customer": customer}
    return {"guest_name": customer.name, "guest_phone": customer.phone, "guest_email": customer.email}


def lock_of(tx: Tx, appointment_id: int) -> None:
    """Lock the provider and the resource of an appointment."""
    tx.soon(_LOCK, id=appointment_id)


class Found(NamedTuple):
    """An appointment for the rules, and its row with what was frozen on it."""

    booked: Booked
    row: Row[Any]


def find(tx: Tx, appointment_id: int) -> Found | None:
    """Return the appointment; a hold whose time is over counts as cancelled."""
    row = tx.one(_FOUND, id=appointment_id)
    if row is None:
        return None
    window = None if row.cancellation_window is None else timedelta(minutes=row.cancellation_window)
    status = Status.CANCELLED if row.status == Status.HOLD and row.is_over else Status(row.status)
    return Found(Booked(row.id, row.customer_id, status, row.starts, window, row.marks_late), row)


def move(tx: Tx, found: Found, place: Place, details: Mapping[str, object], freed: Span) -> None:
    """Leave the old time, where no others of a group are, and put the appointment elsewhere."""
    tx.soon(_LEAVE_NOW, ids=[found.booked.id])
    done = tx.run(
        _MOVE,
        **place.values(),
        **_follows(tx, "moved", details, {"freed": freed}),
        location=place.location_id,
        id=found.booked.id,
        version=found.row.version,
        status=found.booked.status.value,
        hold_until=found.row.hold_until,
    )
    _all_done(done, 1)


def cancel(
    tx: Tx, ids: Sequence[int], reason: str | None, *, late: Sequence[int] = (), action: str = "cancelled"
) -> None:
    """Keep the rows, and write of each what happened; the time is free again, unless others of a group are there."""
    done = tx.run(
        _CANCEL,
        ids=list(ids),
        late=list(late),
        reason=reason,
        actor=tx.caller.actor,
        action=action,
        request_id=tx.caller.request_id,
        more="{}",
    )
    _all_done(done, len(ids))


def become(
    tx: Tx,
    found: Found,
    status: Status,
    action: str,
    details: Mapping[str, object] | None = None,
    customer: Customer | int | None = None,
) -> None:
    """Change the state; what is over takes its time no longer than it took.

    With a `customer` it is his from now on; he may be made with it.
    """
    occupied = status if status in (Status.PENDING, Status.CONFIRMED) else Status.CONFIRMED
    done = tx.run(
        _BECOME[isinstance(customer, Customer)],
        **_follows(tx, action, details or {}),
        **_customer(found.booked.customer_id if customer is None else customer),
        id=found.booked.id,
        version=found.row.version,
        status=status.value,
        occupied=occupied.value,
    )
    _all_done(done, 1)


def _follows(
    tx: Tx, action: str, details: Mapping[str, object], more: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return what the trail says, and what the work that follows needs beside the id."""
    return {
        "actor": tx.caller.actor,
        "action": action,
        "request_id": tx.caller.request_id,
        "details": msgspec.json.encode(details).decode(),
        "more": msgspec.json.encode(more or {}).decode(),
    }


def _all_done(done: int, wanted: int) -> None:
    """Refuse what somebody else changed meanwhile, under the locks of another provider: a retry sees it as it is."""
    if done != wanted:
        raise Unavailable


def holds_of(tx: Tx, customer_id: int) -> int:
    """Return how many times a customer holds now; what was offered from the waitlist does not count."""
    alone(tx, "holds", customer_id)
    row = tx.one(_HOLDS, customer=customer_id)
    return int(row[0]) if row is not None else 0
