"""A business in plain Python: what it offers, found by looking at every start and every span that is taken.

It knows of booking.md and of no line of the engine; wall clocks are those of tests/domain/wall_clock.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.domain.wall_clock import first_showing, reached, wall

MINUTE = 60
HOLD = 300
Span = tuple[int, int]


class Terms(NamedTuple):
    """What a service asks; all in minutes. `segments` are work and processing time in turn."""

    segments: tuple[int, ...]
    before: int = 0
    after: int = 0
    step: int = 10
    notice: int = 0
    horizon: int = 365 * 1440

    def work(self, start: int) -> list[Span]:
        """Return when the provider works, without buffers."""
        spans, at = [], start
        for place, length in enumerate(self.segments):
            if place % 2 == 0:
                spans.append((at, at + length * MINUTE))
            at += length * MINUTE
        return spans

    def taken(self, start: int) -> list[Span]:
        """Return when the provider can do nothing else."""
        spans = self.work(start)
        spans[0] = (spans[0][0] - self.before * MINUTE, spans[0][1])
        spans[-1] = (spans[-1][0], spans[-1][1] + self.after * MINUTE)
        return spans


@dataclass
class Appointment:
    """What was promised, and when it takes the provider; `until` is when a hold ends."""

    id: int
    terms: Terms
    start: int
    until: int | None = None


@dataclass
class Business:
    """One provider. Instants are in seconds since 1970; hours in minutes after midnight."""

    zone: ZoneInfo
    now: int
    services: dict[int, Terms]
    weekly: dict[int, list[Span]]
    replaced: dict[date, list[Span]] = field(default_factory=dict)
    added: dict[date, list[Span]] = field(default_factory=dict)
    away: list[Span] = field(default_factory=list)
    appointments: dict[int, Appointment] = field(default_factory=dict)

    def intervals(self, day: date) -> list[Span]:
        """Return the hours of a day; those that touch are one."""
        return joined((*self.replaced.get(day, self.weekly.get(day.isoweekday(), [])), *self.added.get(day, [])))

    def is_open(self, span: Span, day: date) -> bool:
        """Whether all of the span lies in the hours of the day and its neighbours, and nobody is away."""
        at = span[0]
        hours = [self._hours(day + timedelta(days=ahead)) for ahead in (-1, 0, 1)]
        for start, end in sorted(interval for of_day in hours for interval in of_day):
            if start <= at < end:
                at = end
        return at >= span[1] and not any(meet(span, away) for away in self.away)

    def _hours(self, day: date) -> list[Span]:
        return shown(self.zone, day, tuple(self.intervals(day)))

    def instant(self, day: date, minute: int) -> int | None:
        return first_showing(day, self.zone).get(wall(day, minute))

    def is_free(self, terms: Terms, start: int, besides: int | None = None) -> bool:
        """Whether nothing but the appointment `besides` is in the way."""
        return not any(
            meet(mine, theirs)
            for other in self.appointments.values()
            if other.id != besides and (other.until is None or other.until > self.now)
            for theirs in other.terms.taken(other.start)
            for mine in terms.taken(start)
        )

    def takes(self, terms: Terms, day: date, minute: int, besides: int | None = None) -> bool:
        """Whether this start can be booked, be it offered or not."""
        start = self.instant(day, minute)
        return (
            start is not None
            and self.now + terms.notice * MINUTE <= start <= self.now + terms.horizon * MINUTE
            and all(self.is_open(span, day) for span in terms.work(start))
            and self.is_free(terms, start, besides)
        )

    def offers(self, service: int, day: date) -> list[int]:
        """Return the offered minutes of a day."""
        return sorted(set(self._offers(self.services[service], day)))

    def _offers(self, terms: Terms, day: date) -> Iterator[int]:
        for start, end in self.intervals(day):
            for minute in range(start, end, terms.step):
                if self.takes(terms, day, minute):
                    yield minute

    def expire(self) -> None:
        """Forget the holds whose time is over."""
        for each in list(self.appointments.values()):
            if each.until is not None and each.until <= self.now:
                del self.appointments[each.id]


@cache
def joined(intervals: tuple[Span, ...]) -> list[Span]:
    """Return the same minutes in intervals of which none touches another."""
    minutes = {minute for start, end in intervals for minute in range(start, end)}
    starts = sorted(minute for minute in minutes if minute - 1 not in minutes)
    ends = sorted(minute + 1 for minute in minutes if minute + 1 not in minutes)
    return list(zip(starts, ends, strict=True))


@cache
def shown(zone: ZoneInfo, day: date, intervals: tuple[Span, ...]) -> list[Span]:
    """Return when the clock shows these hours."""
    return [(reached(day, start, zone), reached(day, end, zone)) for start, end in intervals]


def meet(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
