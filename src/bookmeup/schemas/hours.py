"""What differs from the weekly hours: replaced days, time off, closures; and whom a change would leave outside."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bookmeup.schemas.appointments import FIRST, LAST, CustomerName, Page, ProviderName, ServiceName
from bookmeup.schemas.text import ClockTime, EndTime, Id, Words, minute

LONGEST = timedelta(days=366 * 2)
Moment = Annotated[
    datetime,
    Meta(tz=True, description="RFC 3339 with an offset, whole seconds.", examples=["2027-03-01T09:00:00+02:00"]),
]
Reason = Annotated[Words, Meta(description="For staff; of a closure for everybody.", examples=["Public holiday"])]


class Consent(Struct):
    """`dry_run=1` says which appointments a change would leave outside and saves nothing; `keep=1` saves it knowingly.

    With neither, a change that would leave appointments outside is refused.
    """

    dry_run: Annotated[int, Meta(ge=0, le=1)] = 0
    keep: Annotated[int, Meta(ge=0, le=1)] = 0


class AffectedAppointment(Struct):
    """An appointment that a change leaves outside; `date` and `time` by the clock before the change."""

    id: int
    date: str
    time: str
    starts_at: datetime
    ends_at: datetime
    status: str
    provider: ProviderName
    service: ServiceName
    customer: CustomerName


class Affected(Struct):
    """What a dry run found; nothing was saved."""

    affected: list[AffectedAppointment]


class Interval(Struct, forbid_unknown_fields=True):
    """From one wall-clock time to a later one."""

    start_time: ClockTime
    end_time: EndTime

    def __post_init__(self) -> None:
        if minute(self.end_time) <= minute(self.start_time):
            raise msgspec.ValidationError("end_time must be after start_time")


class DayRequest(Struct, forbid_unknown_fields=True):
    """The hours of one date instead of the weekly ones; none at all is closed."""

    intervals: Annotated[list[Interval], Meta(max_length=50)]


class ProviderDay(Struct):
    """The hours of a date, without what is added to it: replaced ones, else the weekly ones."""

    date: str
    is_replaced: bool
    intervals: list[Interval]


class SpanRequest(Struct, forbid_unknown_fields=True):
    """A span of time."""

    starts_at: Moment
    ends_at: Moment
    reason: Reason = ""

    def __post_init__(self) -> None:
        if self.ends_at <= self.starts_at:
            raise msgspec.ValidationError("ends_at must be after starts_at")
        if self.starts_at.microsecond or self.ends_at.microsecond:
            raise msgspec.ValidationError("starts_at and ends_at must be whole seconds")
        if not FIRST.year < self.starts_at.year <= self.ends_at.year < LAST.year:
            raise msgspec.ValidationError(f"starts_at and ends_at must lie between {FIRST} and {LAST}")
        if self.ends_at - self.starts_at > LONGEST:
            raise msgspec.ValidationError(f"a span is at most {LONGEST.days} days long")


class TimeOffRequest(SpanRequest, forbid_unknown_fields=True):
    """When a provider does not work, whatever the hours."""


class ClosureRequest(SpanRequest, forbid_unknown_fields=True):
    """When a location is closed, for all its providers; the first location if none is named."""

    location_id: Id | None = None


class TimeOff(Struct):
    id: int
    starts_at: datetime
    ends_at: datetime
    reason: str


class Closure(TimeOff, kw_only=True):
    location_id: int


class ClosuresQuery(Page):
    """Of one location, or of all."""

    location_id: Id | None = None
