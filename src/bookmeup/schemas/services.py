"""What is sold."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from bookmeup.schemas.text import Duration, Interval, Minutes, Name, Words

PriceIn = Annotated[
    float | str,
    Meta(
        description="A number, or an amount with an optional ISO 4217 code; two decimals at most.",
        examples=["80 RON", 80, "80.50"],
    ),
]


class Service(Struct):
    """Durations, buffers, notice and horizon in minutes."""

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
