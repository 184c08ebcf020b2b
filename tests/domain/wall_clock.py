"""A model of wall clocks that shares nothing with `bookmeup.domain.clock`: it looks at the clock every five minutes.

All zones change their clocks, since 2024 and as far as is known, at multiples of five minutes and by such.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate
from typing import NamedTuple
from zoneinfo import ZoneInfo

STEP = 300
FIRST, LAST = date(2024, 1, 1), date(2030, 12, 31)


class Reading(NamedTuple):
    """What the clock shows at an instant, in seconds since 1970."""

    at: int
    shown: datetime


@cache
def readings(day: date, zone: ZoneInfo) -> tuple[Reading, ...]:
    """Return what the clock shows from well before the day until well after it."""
    start = int(datetime.combine(day - timedelta(days=2), time(), UTC).timestamp())
    instants = range(start, start + 5 * 86400, STEP)
    return tuple(Reading(at, datetime.fromtimestamp(at, zone).replace(tzinfo=None)) for at in instants)


def wall(day: date, minute: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minute)


@cache
def first_showing(day: date, zone: ZoneInfo) -> dict[datetime, int]:
    """Return for each reading the first instant that shows it."""
    found: dict[datetime, int] = {}
    for at, shown in readings(day, zone):
        found.setdefault(shown, at)
    return found


@cache
def furthest(day: date, zone: ZoneInfo) -> list[datetime]:
    """Return for each reading the latest time that the clock has shown until then."""
    return list(accumulate((shown for _, shown in readings(day, zone)), max))


def reached(day: date, minute: int, zone: ZoneInfo) -> int:
    """Return the first instant at which the clock shows this time or has jumped over it."""
    return readings(day, zone)[bisect_left(furthest(day, zone), wall(day, minute))].at


class Change(NamedTuple):
    """A change of a zone's clock: when, and the offsets before and after it."""

    at: int
    before: timedelta | None
    after: timedelta | None


def changes_of(zone: ZoneInfo) -> Iterator[Change]:
    """Find the changes: no zone changes its clock twice in a week."""
    week = 7 * 86400
    start, end = (int(datetime.combine(day, time(), UTC).timestamp()) for day in (FIRST, LAST))
    for low in range(start, end, week):
        before, after = offset(low, zone), offset(low + week, zone)
        if before != after:
            places = range(low, low + week + 1, STEP)
            place = bisect_left(places, True, key=lambda at, before=before: offset(at, zone) != before)  # type: ignore[misc]
            yield Change(places[place], before, after)


def offset(at: int, zone: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(at, zone).utcoffset()
