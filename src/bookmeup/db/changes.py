"""How an appointment changes: each state has one way in, one row of the trail and one of the outbox."""

from bookmeup.db import booking
from bookmeup.db.queries import appointments as stored
from bookmeup.db.queries.appointments import ACTIONS, Found
from bookmeup.db.queries.calendar import Asked, Planner, terms_of
from bookmeup.db.transactions import Tx
from bookmeup.domain import appointments as rules
from bookmeup.domain.appointments import Actor, Status
from bookmeup.domain.slots import Terms
from bookmeup.errors import NotFound, Stale, UnknownReference
from bookmeup.schemas.answers import Message
from bookmeup.schemas.appointments import Move
from bookmeup.schemas.text import minute
from bookmeup.schemas.users import Customer


def locked(tx: Tx, appointment_id: int) -> Found:
    """Lock whom the appointment takes, then read it."""
    stored.lock_of(tx, appointment_id)
    found = stored.find(tx, appointment_id)
    if found is None:
        raise NotFound("There is no such appointment.")
    return found


def moved(tx: Tx, appointment_id: int, change: Move, by: Actor) -> Message:
    """Move in one step; id and promises stay, and the provider unless another is named."""
    found = stored.find(tx, appointment_id)
    provider = change.provider_id or (found.row.provider_id if found else None)
    planner = _planned(tx, found, change, provider)
    found = locked(tx, appointment_id)
    appointment = rules.changeable(found.booked, by, tx.now, overriding=bool(change.reason))
    current(tx, found)
    start = booking.start_of(planner, change.date, minute(change.time))
    place = booking.chosen(planner, start, change.date, _promised(planner, found))
    details = {"from": appointment.starts, "to": start, "reason": change.reason}
    freed = appointment.starts, appointment.starts + found.row.duration * 60
    stored.move(tx, found, place, details, freed)
    return Message("Appointment moved.")


def _planned(tx: Tx, found: Found | None, change: Move, provider: int | None) -> Planner:
    """Lock and read the new time, and the resources of both times in order of their ids."""
    if found is None:
        raise NotFound("There is no such appointment.")
    asked = Asked(found.row.service_id, change.date, change.date, provider, moving=found.booked.id)
    return booking.planned(tx, asked)


def _promised(planner: Planner, found: Found) -> Terms:
    """Return the service's terms with the lengths that were frozen."""
    assert planner.service is not None  # a service with appointments is never deleted
    terms = terms_of(planner.service, found.row.segments or [found.row.duration])
    return terms._replace(buffer_before=found.row.buffer_before * 60, buffer_after=found.row.buffer_after * 60)


def current(tx: Tx, found: Found) -> None:
    """Refuse a change of what somebody else has changed meanwhile, where the client asks for that."""
    wanted = tx.caller.if_match
    if wanted is not None and not {"*", f'"v{found.row.version}"'} & {tag.strip() for tag in wanted.split(",")}:
        raise Stale


def cancelled(tx: Tx, appointment_id: int, by: Actor, reason: str | None) -> Message:
    """Keep the row and free the time; after the window it is refused or marked as late, as the service says."""
    found = locked(tx, appointment_id)
    late = rules.cancelled(found.booked, by, tx.now)
    current(tx, found)
    stored.cancel(tx, [appointment_id], reason, late=[appointment_id] if late else [])
    return Message("Appointment cancelled, late." if late else "Appointment cancelled.")


def own_hold(tx: Tx, appointment_id: int) -> Found:
    """Lock what a hold of the actor's takes, then return it: it is confirmed or released, never both."""
    found = locked(tx, appointment_id)
    if found.booked.customer_id != tx.actor.id or found.booked.status is not Status.HOLD:
        raise NotFound("There is no such hold.")
    return found


def released(tx: Tx, appointment_id: int) -> Message:
    """Give a hold of the actor's up."""
    stored.cancel(tx, [own_hold(tx, appointment_id).booked.id], "released")
    return Message("Hold released.")


def confirmed_hold(tx: Tx, appointment_id: int, customer: Customer | int) -> Status:
    """Make a hold of the actor's the appointment that it keeps the time for; staff may have held it for somebody."""
    try:
        found = own_hold(tx, appointment_id)
    except NotFound as missing:  # it is named in a body, not in the path
        raise UnknownReference("There is no such hold.") from missing
    status = Status.PENDING if found.row.needs_approval and not tx.actor.role.is_staff else Status.CONFIRMED
    stored.become(tx, found, status, ACTIONS[status], customer=customer)
    return status


def made_state(tx: Tx, appointment_id: int, status: Status, reason: str | None) -> Message:
    """Bring an appointment into the state that staff say it is in."""
    found = locked(tx, appointment_id)
    current(tx, found)
    rules.become(found.booked, status, tx.now)
    if status is Status.CANCELLED:
        stored.cancel(tx, [appointment_id], reason)
    else:
        stored.become(tx, found, status, status.value, {"reason": reason})
    return Message(f"Appointment {status.value.replace('_', '-')}.")
