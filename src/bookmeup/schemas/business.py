"""The location, its providers and when they are open."""

import zoneinfo
from functools import cache
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from bookmeup.domain import money
from bookmeup.schemas.appointments import Dated
from bookmeup.schemas.services import PriceIn
from bookmeup.schemas.text import ClockTime, Duration, EndTime, Id, Kind, Name, Words, minute

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
    """A place of the business; all local dates and times are in its `timezone` (IANA)."""

    id: int
    name: str
    timezone: str
    currency: str
    address: str
    locale: str


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
    locale: Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$(?!\n)", examples=["ro", "en-GB"])] | UnsetType = (
        UNSET
    )

    def __post_init__(self) -> None:
        if self.timezone is not UNSET and self.timezone not in zone_names():
            raise msgspec.ValidationError("timezone is not an IANA zone")
        if self.currency is not UNSET and not money.known(self.currency):
            raise msgspec.ValidationError("currency is not an ISO 4217 code")


class NewLocation(LocationChange, kw_only=True, forbid_unknown_fields=True):
    """Zone, currency and locale are the first location's where they are not given."""

    name: Name


class LocationMade(Struct):
    """A new location, and its first provider: without hours, performing every service."""

    message: str
    object_id: int
    provider_id: int


class WeeklyHours(Struct, forbid_unknown_fields=True):
    """An interval of every week, in the location's wall-clock time."""

    weekday: Weekday
    start_time: ClockTime
    end_time: EndTime

    def __post_init__(self) -> None:
        if minute(self.end_time) <= minute(self.start_time):
            raise msgspec.ValidationError("end_time must be after start_time")


class OwnRequest(Struct, forbid_unknown_fields=True):
    """A provider's own duration or price for a service; what is left out is the service's."""

    service_id: Id
    duration: Duration | None = None
    price: PriceIn | None = None

    def __post_init__(self) -> None:
        if self.duration is None and self.price is None:
            raise msgspec.ValidationError("give a duration, a price or both")


class ProviderRequest(Struct, forbid_unknown_fields=True):
    """`services` are ids; left out, the provider performs every service. `hours` replace the weekly hours.

    `own` replaces what was his own; with a duration of his own a service's last segment is longer or shorter.
    """

    name: Name | UnsetType = UNSET
    services: Annotated[list[Id], Meta(max_length=1000)] | UnsetType | None = UNSET
    hours: Annotated[list[WeeklyHours], Meta(max_length=100)] | UnsetType = UNSET
    location_id: Id | UnsetType = UNSET
    own: Annotated[list[OwnRequest], Meta(max_length=1000)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.own is not UNSET and len({own.service_id for own in self.own}) < len(self.own):
            raise msgspec.ValidationError("own names a service twice")


class NewProvider(ProviderRequest, kw_only=True, forbid_unknown_fields=True):
    name: Name


class Own(Struct):
    """A provider's own duration or price for a service; null is the service's."""

    service_id: int
    duration: int | None
    price: str | None
    price_minor: int | None


class Provider(Struct):
    """Who performs services; `services` is null for one who performs every service."""

    id: int
    name: str
    is_default: bool
    services: list[int] | None
    hours: list[WeeklyHours]
    location_id: int
    own: list[Own]


class ResourceRequest(Struct, forbid_unknown_fields=True):
    """A room, chair or device; any of these."""

    name: Name | UnsetType = UNSET
    type: Kind | UnsetType = UNSET
    location_id: Id | UnsetType = UNSET


class NewResource(ResourceRequest, kw_only=True, forbid_unknown_fields=True):
    """At the first location where none is named."""

    name: Name
    type: Kind


class Resource(Struct):
    """What a service may need one of, by its type."""

    id: int
    name: str
    type: str
    location_id: int
