"""The states of an appointment, who may change it, and which provider gets it."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from bookmeup.domain.users import UserRole
from bookmeup.errors import NotFound, TooLateToCancel


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


def changeable(appointment: Booked | None, by: Actor, now: int) -> Booked:
    """Return the appointment if this actor may move or cancel it now."""
    if appointment is None or appointment.status not in TAKING_TIME:
        raise NotFound("There is no such appointment.")
    if by.role.is_staff:
        return appointment
    if appointment.customer_id != by.id:  # not "forbidden": it would tell that it exists
        raise NotFound("There is no such appointment.")
    if appointment.starts <= now:
        raise TooLateToCancel("This appointment has begun.")
    window = appointment.cancellation_window
    if window is not None and appointment.starts - now < window.total_seconds():
        raise TooLateToCancel
    return appointment


class Candidate(NamedTuple):
    """A provider who could take an appointment, and how many seconds of that day are booked with him."""

    provider_id: int
    booked: int


def least_booked(candidates: Iterable[Candidate]) -> Candidate:
    """Choose so that work spreads; among equals the lowest id."""
    return min(candidates, key=lambda candidate: (candidate.booked, candidate.provider_id))
