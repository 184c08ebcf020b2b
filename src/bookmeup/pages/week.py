"""The days of a week and their free times, for a service and perhaps a provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from starlette.requests import Request

from bookmeup.clients.db import Call, decoded
from bookmeup.pages.site import site
from bookmeup.schemas.appointments import DaySlots, DaysQuery, Slots, SlotsQuery
from bookmeup.schemas.services import Service

DAYS = 7
WEEKS_AHEAD = 4
"""How many weeks are looked through for the first free time."""
PARTS = (("Morning", "00:00", "12:00"), ("Afternoon", "12:00", "17:00"), ("Evening", "17:00", "24:00"))


@dataclass(frozen=True, slots=True)
class Day:
    """A day with the times that are free on it."""

    date: date
    times: Sequence[str]

    @property
    def parts(self) -> list[tuple[str, list[str]]]:
        """The times of the morning, the afternoon and the evening, where there are any."""
        found = ((name, [time for time in self.times if start <= time < end]) for name, start, end in PARTS)
        return [(name, times) for name, times in found if times]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The first and the last day on which the service can be booked."""

    first: date
    last: date

    def within(self, day: date) -> date:
        return min(max(day, self.first), self.last)


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from a Monday, the one that is looked at, and the Mondays to turn to."""

    days: Sequence[Day]
    chosen: Day | None
    earlier: date | None
    later: date | None

    @property
    def title(self) -> str:
        first, last = self.days[0].date, self.days[-1].date
        month = "" if first.month == last.month else f" {first:%B}"
        year = "" if first.year == last.year else f" {first.year}"
        return f"{first.day}{month}{year} – {last.day} {last:%B} {last.year}"  # noqa: RUF001 - from one to the other


def bounds(service: Service, zone: str) -> Bounds:
    now = datetime.now(ZoneInfo(zone))
    return Bounds(now.date(), (now + timedelta(minutes=service.booking_horizon)).date())


async def week_of(
    request: Request, service: Service, provider: int | None, limits: Bounds, *, day: date | None, week: date | None
) -> Week:
    """Return the asked day's week, or the asked week, or else the first one from now on that has a free time."""
    asked = day or week
    if asked is not None:
        days = await _days(request, service, provider, limits, limits.within(asked))
        return _looked_at(days, limits, limits.within(day) if day else None)
    nearest: Week | None = None
    for number in range(WEEKS_AHEAD):
        start = limits.first + timedelta(weeks=number)
        if start > limits.last and nearest is not None:
            break
        found = _looked_at(await _days(request, service, provider, limits, limits.within(start)), limits, None)
        if found.chosen is not None:
            return found
        nearest = nearest or found
    assert nearest is not None
    return nearest


def _looked_at(days: Sequence[Day], limits: Bounds, chosen: date | None) -> Week:
    monday = days[0].date
    wanted = (one for one in days if (one.date == chosen if chosen else one.times))
    return Week(
        days,
        next(wanted, None),
        earlier=monday - timedelta(days=DAYS) if monday > limits.first else None,
        later=monday + timedelta(days=DAYS) if monday + timedelta(days=DAYS) <= limits.last else None,
    )


async def _days(request: Request, service: Service, provider: int | None, limits: Bounds, asked: date) -> list[Day]:
    """Return the seven days of a week in which the asked one lies, with what is free where one may book."""
    monday = asked - timedelta(days=asked.weekday())
    sunday = monday + timedelta(days=DAYS - 1)
    wanted = DaysQuery(limits.within(monday), limits.within(sunday), service.id, provider)
    reply = await site(request).db.on_behalf(request).get("/slots/days", wanted)
    free = decoded(reply, DaySlots).days
    week = (monday + timedelta(days=number) for number in range(DAYS))
    return [Day(day, free.get(day.isoformat(), ())) for day in week]


async def free_times(call: Call, service: int, provider: int | None, day: date) -> Sequence[str]:
    """Return the free times of a day, as the clock there shows them."""
    reply = await call.get("/slots", SlotsQuery(day, service, provider))
    return decoded(reply, Slots).available_slots


def ends(day: date, time: str, minutes: int, zone: str) -> str:
    """Return what the clock shows when something of so many minutes is over, be it changed meanwhile or not."""
    start = datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=ZoneInfo(zone))
    return f"{(start.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone)):%H:%M}"
