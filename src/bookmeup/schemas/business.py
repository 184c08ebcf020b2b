"""The location, its providers and when they are open."""

import zoneinfo
from functools import cache
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from bookmeup.domain import money
from bookmeup.schemas.appointments import Dated
from bookmeup.schemas.text import ClockTime, EndTime, Id, Name, Words, minute

Weekday = Annotated[int, Meta(ge=1, le=7, description="ISO: Monday is 1.")]


class AvailabilityRequest(Dated):
    """A span added to a date, for one provider or else the default one."""

    start_time: ClockTime
    end_time: EndTime
    provider_id: Id | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if minute(self.end_time) <= minute(self.start_time):
            raise msgspec.ValidationError("end_time must be after start_time")


class Availability(Struct):
    id: int
    date: str
    start_time: str
    end_time: str
    provider_id: int


class Location(Struct):
    """The business's place; all local dates and times are in its `timezone` (IANA)."""

    name: str
    timezone: str
    currency: str
    address: str


@cache
def zone_names() -> frozenset[str]:
    """Return the names of the zones that this installation knows."""
    return frozenset(zoneinfo.available_timezones())


class LocationChange(Struct, forbid_unknown_fields=True):
    """Any of these."""

    name: Name | UnsetType = UNSET
    timezone: Annotated[str, Meta(max_length=64, examples=["Europe/Bucharest"])] | UnsetType = UNSET
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", examples=["RON"])] | UnsetType = UNSET
    address: Words | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.timezone is not UNSET and self.timezone not in zone_names():
            raise msgspec.ValidationError("timezone is not an IANA zone")
        if self.currency is not UNSET and not money.known(self.currency):
            raise msgspec.ValidationError("currency is not an ISO 4217 code")


class WeeklyHours(Struct, forbid_unknown_fields=True):
    """An interval of every week, in the location's wall-clock time."""

    weekday: Weekday
    start_time: ClockTime
    end_time: EndTime

    def __post_init__(self) -> None:
        if minute(self.end_time) <= minute(self.start_time):
            raise msgspec.ValidationError("end_time must be after start_time")


class ProviderRequest(Struct, forbid_unknown_fields=True):
    """`services` are ids; left out, the provider performs every service. `hours` replace the weekly hours."""

    name: Name | UnsetType = UNSET
    services: Annotated[list[Id], Meta(max_length=1000)] | UnsetType | None = UNSET
    hours: Annotated[list[WeeklyHours], Meta(max_length=100)] | UnsetType = UNSET


class NewProvider(ProviderRequest, kw_only=True, forbid_unknown_fields=True):
    name: Name


class Provider(Struct):
    """Who performs services; `services` is null for one who performs every service."""

    id: int
    name: str
    is_default: bool
    services: list[int] | None
    hours: list[WeeklyHours]
