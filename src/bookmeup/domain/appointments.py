"""The states of an appointment, who may change it, and which provider gets it."""

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from bookmeup.domain.users import UserRole
from bookmeup.errors import NotFound, TooLateToCancel, WrongState


class Status(StrEnum):
    HOLD = "hold"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


TAKING_TIME = (Status.HOLD, Status.PENDING, Status.CONFIRMED)


class Actor(NamedTuple):
    """The user on whose behalf db decides, as his row says now."""

    id: int
    role: UserRole


class Booked(NamedTuple):
    """What the rules need of an appointment that exists; instants in seconds."""

    id: int
    customer_id: int
    status: Status
    starts: int
    cancellation_window: timedelta | None
    marks_late: bool = False


NEXT: dict[Status, frozenset[Status]] = {
    Status.HOLD: frozenset({Status.PENDING, Status.CONFIRMED, Status.CANCELLED}),
    Status.PENDING: frozenset({Status.CONFIRMED, Status.CANCELLED}),
    Status.CONFIRMED: frozenset({Status.COMPLETED, Status.NO_SHOW, Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.NO_SHOW: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""What each state may become; nothing comes back from an end."""


def visible(appointment: Booked | None, by: Actor) -> Booked:
    """Return the appointment if this actor may know of it; else it is not there."""
    if appointment is None or (not by.role.is_staff and appointment.customer_id != by.id):
        raise NotFound("There is no such appointment.")
    return appointment


def changeable(appointment: Booked | None, by: Actor, now: int, *, overriding: bool = False) -> Booked:
    """Return the appointment if this actor may move it now. Staff override the cancellation window, with a reason."""
    found = visible(appointment, by)
    if found.status not in TAKING_TIME:
        raise NotFound("There is no such appointment.")
    if found.status is Status.HOLD:
        raise WrongState("A hold is not moved: release it, and hold the other time.")
    _not_begun(found, by, now)
    if is_late(found, now) and not (by.role.is_staff and overriding):
        raise TooLateToCancel
    return found


def cancelled(appointment: Booked | None, by: Actor, now: int) -> bool:
    """Return whether a cancellation by this actor is a late one; refuse it if the service does not take late ones."""
    found = visible(appointment, by)
    if found.status not in TAKING_TIME:
        raise NotFound("There is no such appointment.")
    _not_begun(found, by, now)
    late = is_late(found, now)
    if late and not by.role.is_staff and not found.marks_late:
        raise TooLateToCancel
    return late and not by.role.is_staff


def _not_begun(appointment: Booked, by: Actor, now: int) -> None:
    if appointment.starts <= now and not by.role.is_staff:
        raise TooLateToCancel("This appointment has begun.")


def is_late(appointment: Booked, now: int) -> bool:
    """Whether the cancellation window has closed; a hold has promised nothing yet."""
    window = None if appointment.status is Status.HOLD else appointment.cancellation_window
    return window is not None and appointment.starts - now < window.total_seconds()


def become(appointment: Booked, status: Status, now: int) -> None:
    """Refuse a state that cannot follow, and an end before the start; a hold is its owner's to book."""
    if appointment.status is Status.HOLD and status is not Status.CANCELLED:
        raise WrongState("A hold is confirmed by whoever holds it.")
    if status not in NEXT[appointment.status]:
        raise WrongState(f"An appointment that is {appointment.status} cannot become {status}.")
    if status in (Status.COMPLETED, Status.NO_SHOW) and now < appointment.starts:
        raise WrongState("This appointment has not begun.")
