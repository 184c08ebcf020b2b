"""Appointments and the free times they are made of."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bookmeup.schemas.text import ClockTime, Cursor, Id, Limit
from bookmeup.schemas.users import Customer

Day = Annotated[date, Meta(description="A day of the location's calendar.", examples=["2027-03-01"])]


FIRST, LAST = date(1970, 1, 2), date(2999, 12, 30)


class Dated(Struct):
    """Something on a day that a calendar can hold, with room for its neighbours."""

    date: Day

    def __post_init__(self) -> None:
        if not FIRST <= self.date <= LAST:
            raise msgspec.ValidationError(f"date must lie between {FIRST} and {LAST}")


class DayQuery(Dated):
    """A day."""


class AppointmentRequest(Dated, kw_only=True):
    """`user_id` or `customer` from staff alone; without `provider_id` the least booked one who is free."""

    service_id: Id
    time: ClockTime
    provider_id: Id | None = None
    user_id: Id | None = None
    customer: Customer | None = None


class Move(Dated):
    """The new date and time, in the location's zone."""

    time: ClockTime


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


class SlotsQuery(Dated):
    """A day and a service; for one provider, or for any."""

    service_id: Id
    provider_id: Id | None = None


class Slots(Struct):
    """Offered starts of the day, by the location's clock."""

    available_slots: list[str]
