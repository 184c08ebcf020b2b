"""Wishes for time that is taken, and the offers that come of them."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bookmeup.schemas.appointments import FIRST, LAST, Day, ProviderName, ServiceName
from bookmeup.schemas.text import ClockTime, Cursor, EndTime, Id, Limit, minute
from bookmeup.schemas.users import Customer

LONGEST_DAYS = 366
Weekdays = Annotated[
    list[Annotated[int, Meta(ge=1, le=7)]],
    Meta(min_length=1, max_length=7, description="ISO: Monday is 1.", examples=[[1, 3, 5]]),
]


class WishRequest(Struct, forbid_unknown_fields=True):
    """A service on some days, for one provider or any; the appointment lies between the two times.

    `user_id` or `customer` from staff alone.
    """

    service_id: Id
    first_date: Day
    last_date: Day
    provider_id: Id | None = None
    location_id: Id | None = None
    weekdays: Weekdays | None = None
    start_time: ClockTime = "00:00"
    end_time: EndTime = "24:00"
    user_id: Id | None = None
    customer: Customer | None = None

    def __post_init__(self) -> None:
        if not FIRST <= self.first_date <= self.last_date <= LAST:
            raise msgspec.ValidationError(f"first_date and last_date must lie in order between {FIRST} and {LAST}")
        if (self.last_date - self.first_date).days >= LONGEST_DAYS:
            raise msgspec.ValidationError(f"a wish spans at most {LONGEST_DAYS} days")
        if minute(self.end_time) <= minute(self.start_time):
            raise msgspec.ValidationError("end_time must be after start_time")


class Wish(Struct):
    """Who joined first is first in line; `status` is waiting, offered, fulfilled or withdrawn."""

    id: int
    user_id: int
    service: ServiceName
    provider_id: int | None
    location_id: int | None
    first_date: date
    last_date: date
    weekdays: list[int]
    start_time: str
    end_time: str
    status: str
    created_at: datetime


class Offer(Struct):
    """Time that is held for somebody on the waitlist until `expires_at`."""

    id: int
    waitlist_id: int
    appointment_id: int
    service: ServiceName
    provider: ProviderName
    date: str
    time: str
    starts_at: datetime
    expires_at: datetime


class WishPage(Struct):
    """Without `limit` up to 1 000 rows."""

    limit: Limit | None = None
    cursor: Cursor | None = None


class Position(Struct):
    """Between the roles: a page of a list by id, and where the next one starts."""

    limit: int = 1000
    after_id: int = 0


class DeadLetter(Struct):
    """Work that was tried too often; the last error says why."""

    id: int
    kind: str
    aggregate: str
    attempts: int
    error: str | None
