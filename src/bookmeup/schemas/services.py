"""What is sold."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from bookmeup.schemas.text import Duration, Interval, Kind, Minutes, Name, Words

PriceIn = Annotated[
    float | str,
    Meta(
        description="A number, or an amount with an optional ISO 4217 code; two decimals at most.",
        examples=["80 RON", 80, "80.50"],
    ),
]

Category = Annotated[
    str, Meta(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)", description="May be empty.", examples=["Hair"])
]
Segments = Annotated[
    list[Duration],
    Meta(
        min_length=1,
        max_length=49,
        description="Minutes of work and of processing time in turn, work first and last; null is all work. "
        "They add up to the duration, and a new duration without them makes it all work.",
        examples=[[30, 45, 15]],
    ),
]


class Service(Struct):
    """Durations, buffers, notice and horizon in minutes.

    `segments` are work and processing time in turn, null where all is work. `capacity` over 1 is a group.
    `marks_late`: late cancellations are marked, not refused. A hidden service is bookable by its id and not listed.
    """

    id: int
    name: str
    price: Annotated[str, Meta(examples=["80 RON", "80.50 RON"])]
    duration: int
    price_minor: int
    currency: str
    description: str
    slot_interval: int
    buffer_before: int
    buffer_after: int
    minimum_notice: int
    booking_horizon: int
    cancellation_window: int | None
    category: str
    segments: list[int] | None
    capacity: int
    needs_approval: bool
    is_hidden: bool
    marks_late: bool
    resource_type: str | None


class StaffService(Service, kw_only=True):
    """A service as staff see it: hidden ones and those that are sold no more among them."""

    is_active: bool


class ServiceChange(Struct):
    """Any of these; lengths in minutes."""

    name: Name | UnsetType = UNSET
    price: PriceIn | UnsetType = UNSET
    duration: Duration | UnsetType = UNSET
    description: Words | UnsetType = UNSET
    slot_interval: Interval | UnsetType = UNSET
    buffer_before: Annotated[int, Meta(ge=0, le=720)] | UnsetType = UNSET
    buffer_after: Annotated[int, Meta(ge=0, le=720)] | UnsetType = UNSET
    minimum_notice: Minutes | UnsetType = UNSET
    booking_horizon: Minutes | UnsetType = UNSET
    cancellation_window: Minutes | UnsetType | None = UNSET
    category: Category | UnsetType = UNSET
    segments: Segments | UnsetType | None = UNSET
    capacity: Annotated[int, Meta(ge=1, le=1000, description="Seats of one time.")] | UnsetType = UNSET
    needs_approval: bool | UnsetType = UNSET
    is_hidden: bool | UnsetType = UNSET
    marks_late: bool | UnsetType = UNSET
    resource_type: Kind | UnsetType | None = UNSET


class NewService(ServiceChange, kw_only=True):
    """What a new service needs, and what else it may say."""

    name: Name
    price: PriceIn
    duration: Duration


class StoredService(Struct):
    """A service as it is written: the price read, lengths in minutes, unset members left as they are."""

    name: str | UnsetType = UNSET
    price_minor: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    duration: int | UnsetType = UNSET
    description: str | UnsetType = UNSET
    slot_interval: int | UnsetType = UNSET
    buffer_before: int | UnsetType = UNSET
    buffer_after: int | UnsetType = UNSET
    minimum_notice: int | UnsetType = UNSET
    booking_horizon: int | UnsetType = UNSET
    cancellation_window: int | UnsetType | None = UNSET
    category: str | UnsetType = UNSET
    segments: list[int] | UnsetType | None = UNSET
    capacity: int | UnsetType = UNSET
    needs_approval: bool | UnsetType = UNSET
    is_hidden: bool | UnsetType = UNSET
    marks_late: bool | UnsetType = UNSET
    resource_type: str | UnsetType | None = UNSET
