"""Appointments and the free times they are made of."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from bookmeup.domain.slots import Reason
from bookmeup.schemas.text import ClockTime, Cursor, Id, Limit, Words
from bookmeup.schemas.users import Customer

Day = Annotated[date, Meta(description="A day of the location's calendar.", examples=["2027-03-01"])]


FIRST, LAST = date(1970, 1, 2), date(2999, 12, 30)
LONGEST_DAYS = 62


class Dated(Struct):
    """Something on a day that a calendar can hold, with room for its neighbours."""

    date: Day

    def __post_init__(self) -> None:
        if not FIRST <= self.date <= LAST:
            raise msgspec.ValidationError(f"date must lie between {FIRST} and {LAST}")


class DayQuery(Dated):
    """A day."""


class AppointmentRequest(Dated, kw_only=True):
    """`user_id` or `customer` from staff alone; without `provider_id` the least booked one who is free.

    With `hold_id` the hold becomes the appointment: what it holds is what is booked.
    """

    service_id: Id
    time: ClockTime
    provider_id: Id | None = None
    location_id: Id | None = None
    addons: Annotated[list[Id], Meta(max_length=20)] = []
    user_id: Id | None = None
    customer: Customer | None = None
    hold_id: Id | None = None


class HoldRequest(Dated, kw_only=True, forbid_unknown_fields=True):
    """Keeps a time for five minutes; nobody may hold more than three."""

    service_id: Id
    time: ClockTime
    provider_id: Id | None = None
    location_id: Id | None = None
    addons: Annotated[list[Id], Meta(max_length=20)] = []


class Held(Struct):
    """A hold, and until when it keeps its time."""

    message: str
    object_id: int
    expires_at: datetime


class Move(Dated):
    """The new date and time, in the location's zone; staff override the cancellation window with a `reason`."""

    time: ClockTime
    provider_id: Id | None = None
    reason: Words | None = None


class Why(Struct):
    """Why something is done, for the history."""

    reason: Words | None = None


class ServiceName(Struct):
    id: int
    name: str


class ProviderName(Struct):
    id: int
    name: str


class Appointment(Struct):
    """One's own appointment: `date` and `time` by the location's clock, `starts_at` and `ends_at` as instants."""

    id: int
    service: ServiceName
    date: str
    time: str
    provider: ProviderName
    status: str
    duration: int
    price: str
    price_minor: int
    currency: str
    starts_at: datetime
    ends_at: datetime
    version: int
    location_id: int
    addons: list[dict[str, Any]]
    series_id: int | None
    visit_id: int | None
    expires_at: datetime | None


class CustomerName(Struct):
    id: int
    name: str
    email: str | None
    phone: str | None


class StaffAppointment(Appointment, kw_only=True):
    """An appointment as staff see it."""

    user_id: int
    customer: CustomerName


class Page(Struct):
    """Without `limit` up to 1 000 rows."""

    limit: Limit | None = None
    cursor: Cursor | None = None


class AppointmentPage(Struct):
    """Between the roles: a page of a list, and the keyset of the next."""

    limit: int = 1000
    date: Day | None = None
    after_at: Annotated[datetime, Meta(tz=True)] | None = None
    after_id: Id | None = None

    def __post_init__(self) -> None:
        if (self.after_at is None) != (self.after_id is None):
            raise msgspec.ValidationError("after_at and after_id go together")


AddonIds = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{1,18}(,[0-9]{1,18}){0,19}$(?!\n)",
        description="Ids of add-ons that are to be booked with the service, and lengthen it.",
        examples=["2,9"],
    ),
]


def addon_ids(text: str | None) -> list[int]:
    """Return the ids, each once and in order."""
    return sorted({int(one) for one in text.split(",")}) if text else []


class SlotsQuery(Dated):
    """A day and a service; for one provider, or for any; `explain=1` says why the other starts are not offered."""

    service_id: Id
    provider_id: Id | None = None
    location_id: Id | None = None
    explain: Annotated[int, Meta(ge=0, le=1)] = 0
    addons: AddonIds | None = None


class Unoffered(Struct):
    """A start that is not offered, and why."""

    time: str
    reason: Reason


class Slots(Struct, omit_defaults=True):
    """Offered starts of the day, by the location's clock."""

    available_slots: list[str]
    unavailable: list[Unoffered] | None = None


class DaysQuery(Struct):
    """At most 62 days."""

    first: Day
    last: Day
    service_id: Id
    provider_id: Id | None = None
    location_id: Id | None = None
    addons: AddonIds | None = None

    def __post_init__(self) -> None:
        if not FIRST <= self.first <= self.last <= LAST:
            raise msgspec.ValidationError(f"first and last must lie in order between {FIRST} and {LAST}")
        if (self.last - self.first).days >= LONGEST_DAYS:
            raise msgspec.ValidationError(f"at most {LONGEST_DAYS} days are shown at once")


class DaySlots(Struct):
    """Offered starts by day; days without any are left out."""

    days: dict[str, list[str]]


class NextQuery(Struct):
    service_id: Id
    provider_id: Id | None = None
    location_id: Id | None = None
    count: Annotated[int, Meta(ge=1, le=50)] = 5
    addons: AddonIds | None = None


class Start(Struct):
    """An offered start, with one provider who offers it."""

    date: str
    time: str
    starts_at: datetime
    provider_id: int


class StaffExplainQuery(Dated):
    """A start of a service."""

    time: ClockTime
    service_id: Id
    location_id: Id | None = None
    addons: AddonIds | None = None


class ProviderVerdict(Struct):
    """Why one provider does not offer a start, null if he does, and which appointments are in the way."""

    provider: ProviderName
    reason: Reason | None
    appointments: list[int]


class Event(Struct):
    """What happened to an appointment; nobody changes it afterwards."""

    at: datetime
    action: str
    actor_id: int | None
    details: dict[str, Any]
