"""Appointments that are made together: the dates of a series, the parts of a visit."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bookmeup.schemas.appointments import Appointment, Dated
from bookmeup.schemas.text import ClockTime, Id
from bookmeup.schemas.users import Customer

Rule = Annotated[
    str,
    Meta(
        min_length=6,
        max_length=300,
        pattern=r"^[A-Za-z0-9=;:,+-]+$(?!\n)",
        description="A recurrence rule of RFC 5545 with COUNT or UNTIL, at most 366 dates in two years.",
        examples=["FREQ=WEEKLY;INTERVAL=2;COUNT=10", "FREQ=MONTHLY;BYDAY=1MO;UNTIL=20271231"],
    ),
]


class SeriesRequest(Dated, kw_only=True, forbid_unknown_fields=True):
    """Every date of the rule at the same local time; `date` is the first of them.

    `dry_run` says which dates can be had and books none. Dates that cannot be had refuse the whole, or are left out
    with `skip_clashes`. `user_id` or `customer` from staff alone.
    """

    service_id: Id
    time: ClockTime
    rule: Rule
    provider_id: Id | None = None
    location_id: Id | None = None
    addons: Annotated[list[Id], Meta(max_length=20)] = msgspec.field(default_factory=list)
    user_id: Id | None = None
    customer: Customer | None = None
    skip_clashes: bool = False
    dry_run: bool = False


class SeriesDate(Struct, omit_defaults=True):
    """A date of a series: whether it can be had, else the code of the rule that refuses it."""

    date: str
    time: str
    ok: bool
    code: str | None = None
    appointment_id: int | None = None


class SeriesDates(Struct):
    """What a series would be, by date; nothing was booked."""

    message: str
    dates: list[SeriesDate]


class SeriesMade(Struct):
    """A series and its dates; those that are not ok were left out."""

    message: str
    object_id: int
    dates: list[SeriesDate]


class Series(Struct):
    """A standing appointment; each date is an ordinary appointment, the cancelled ones among them."""

    id: int
    rule: str
    appointments: list[Appointment]


class CancelledTogether(Struct):
    """The appointments that were cancelled, and those for which it was too late."""

    message: str
    cancelled: list[int]
    kept: list[int]


MOST_PARTS = 8


class VisitService(Struct, forbid_unknown_fields=True):
    """One of the services of a visit; without `provider_id` whoever is free."""

    service_id: Id
    provider_id: Id | None = None
    addons: Annotated[list[Id], Meta(max_length=20)] = []


class VisitRequest(Dated, kw_only=True, forbid_unknown_fields=True):
    """Services one after the other, in this order, the first at `time`. `user_id` or `customer` from staff alone."""

    time: ClockTime
    services: Annotated[list[VisitService], Meta(min_length=1, max_length=MOST_PARTS)]
    location_id: Id | None = None
    user_id: Id | None = None
    customer: Customer | None = None


class VisitPart(Struct, omit_defaults=True):
    """Who does what and when, by the location's clock."""

    service_id: int
    provider_id: int
    date: str
    time: str
    end_time: str
    appointment_id: int | None = None


class VisitMade(Struct):
    """A visit, with its parts in order."""

    message: str
    object_id: int
    parts: list[VisitPart]


class Visit(Struct):
    """Several services in one go; each part is an ordinary appointment."""

    id: int
    appointments: list[Appointment]


_IDS = r"^[0-9]{1,19}(,[0-9]{1,19}){0,7}$(?!\n)"


class VisitSlotsQuery(Dated):
    """`services` are ids in order; `providers` one for each or nothing, `addons` those of each, with dots between."""

    services: Annotated[str, Meta(pattern=_IDS, max_length=200, examples=["1,5,7"])]
    providers: Annotated[str, Meta(pattern=r"^([0-9]{1,19})?(,([0-9]{1,19})?){0,7}$(?!\n)", examples=["3,,4"])] = ""
    addons: Annotated[str, Meta(pattern=r"^[0-9.]*(,[0-9.]*){0,7}$(?!\n)", max_length=400, examples=["2.9,,"])] = ""
    location_id: Id | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.services.split(","))
        for name in ("providers", "addons"):
            given = getattr(self, name)
            if given and len(given.split(",")) != count:
                raise msgspec.ValidationError(f"{name} must have a place for each of the services")
        try:
            self.parts()
        except ValueError as error:
            raise msgspec.ValidationError("services, providers and addons must be ids") from error

    def parts(self) -> list[VisitService]:
        """Return what is asked for, as in the body of a visit."""
        services = self.services.split(",")
        providers = self.providers.split(",") if self.providers else [""] * len(services)
        addons = self.addons.split(",") if self.addons else [""] * len(services)
        return [
            VisitService(
                _id(service), _id(provider) if provider else None, [_id(one) for one in more.split(".") if one]
            )
            for service, provider, more in zip(services, providers, addons, strict=True)
        ]


def _id(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**63:
        raise ValueError(text)
    return number


class VisitSlot(Struct):
    """A start at which the whole visit can be had, and how."""

    time: str
    parts: list[VisitPart]


class VisitSlots(Struct):
    available_slots: list[VisitSlot]
