"""Wishes and offers as their customers change them: joined, withdrawn, accepted, declined."""

from typing import Any

from sqlalchemy import Row

from bookmeup.db.queries import appointments as stored
from bookmeup.db.queries import outbox, waitlist
from bookmeup.db.queries.alone import alone
from bookmeup.db.queries.appointments import ACTIONS, Found
from bookmeup.db.queries.audit import record
from bookmeup.db.transactions import Tx
from bookmeup.domain.appointments import Status
from bookmeup.errors import InThePast, NotFound, OfferOver, TooManyWishes, Unavailable, UnknownReference
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.users import Customer
from bookmeup.schemas.waitlist import WishRequest

MOST_WISHES = 20


def joined(tx: Tx, wish: WishRequest, customer: Customer | int) -> Created:
    """Put a wish at the end of the line."""
    if isinstance(customer, int):
        alone(tx, "wishes", customer)
    known = waitlist.known(tx, wish, customer if isinstance(customer, int) else None)
    for what, given in (("provider", wish.provider_id), ("location", wish.location_id), ("service", wish.service_id)):
        if given is not None and getattr(known, what) is None:
            raise UnknownReference(f"There is no such {what}.")
    if wish.last_date < known.today:
        raise InThePast
    if known.wishes >= MOST_WISHES:
        raise TooManyWishes
    made = waitlist.insert(tx, wish, customer)
    record(tx, "joined", "waitlist", made)
    return Created("Joined the waitlist.", made)


def withdrawn(tx: Tx, wish_id: int) -> Message:
    """Take a wish out of the line; time that is offered to it goes to the next."""
    wish = _own(tx, waitlist.one(tx, wish_id), "wish")
    if wish.appointment_id is not None:
        stored.lock_of(tx, wish.appointment_id)
    if not waitlist.withdraw(tx, wish_id):
        raise NotFound("There is no such wish.")
    now = waitlist.one(tx, wish_id)
    assert now is not None  # rows of the waitlist are never deleted
    if now.appointment_id not in (None, wish.appointment_id):
        raise Unavailable  # an offer was made meanwhile; its rows must be locked first
    if now.appointment_id is not None:
        _give_up(tx, now.appointment_id)
    record(tx, "withdrawn", "waitlist", wish_id)
    return Message("Wish withdrawn.")


def accepted(tx: Tx, offer_id: int) -> Created:
    """Make the offered hold the appointment; the wish is fulfilled."""
    found = _open(tx, offer_id)
    waits = found.row.needs_approval and not tx.actor.role.is_staff
    status = Status.PENDING if waits else Status.CONFIRMED
    stored.become(tx, found, status, ACTIONS[status])
    record(tx, "accepted", "offer", offer_id)
    return Created("Appointment requested." if waits else "Appointment booked.", found.booked.id)


def declined(tx: Tx, offer_id: int) -> Message:
    """Give the time to the next; the wish waits on."""
    found = _open(tx, offer_id)
    _give_up(tx, found.booked.id)
    record(tx, "declined", "offer", offer_id)
    return Message("Offer declined.")


def _give_up(tx: Tx, appointment_id: int) -> None:
    stored.cancel(tx, [appointment_id], "declined", action="declined")


def _open(tx: Tx, offer_id: int) -> Found:
    """Lock what is offered and return its hold; refuse an offer that is over."""
    offer = _own(tx, waitlist.offered(tx, offer_id), "offer", staff=False)
    stored.lock_of(tx, offer.appointment_id)
    offer = _own(tx, waitlist.offered(tx, offer_id), "offer", staff=False)
    if offer.status != "open" or offer.is_over:
        raise OfferOver(f"This offer is {'expired' if offer.status == 'open' else offer.status}.")
    found = stored.find(tx, offer.appointment_id)
    if found is None or found.booked.status is not Status.HOLD:
        raise OfferOver
    return found


def _own(tx: Tx, row: Row[Any] | None, what: str, *, staff: bool = True) -> Row[Any]:
    """Return what is the actor's, or what staff may see; else it is not there."""
    if row is None or (row.customer_id != tx.actor.id and not (staff and tx.actor.role.is_staff)):
        raise NotFound(f"There is no such {what}.")
    return row


def replayed(tx: Tx, letter_id: int) -> Message:
    """Try dead work again, from the beginning."""
    tx.staff()
    if not outbox.replay(tx, letter_id):
        raise NotFound("There is no such dead letter.")
    record(tx, "replayed", "letter", letter_id)
    return Message("It is tried again.")
