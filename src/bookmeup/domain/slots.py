"""Which starts are offered, and why one is not.

Times are instants in whole seconds; see `clock`. A start is offered if every segment in which the provider works lies
in the open spans and overlaps nothing that is occupied, buffers included, if a resource of the kind that is needed is
free, and if notice and horizon allow it. Whole spans of starts are worked out, and only then stepped through.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from functools import reduce
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bookmeup.domain.clock import instant, local, plain_midnight
from bookmeup.domain.schedule import Schedule, around
from bookmeup.domain.spans import Span, common, holds, merged, overlaps, without

FAR = 1 << 62


class Reason(StrEnum):
    """Why a start is not offered."""

    PAST = "past"
    NOTICE = "notice"
    HORIZON = "horizon"
    CLOSED = "closed"
    TIME_OFF = "time_off"
    OUTSIDE_HOURS = "outside_hours"
    OCCUPIED = "occupied"
    BUFFER = "buffer"
    FULL = "full"
    NO_RESOURCE = "no_resource"


class Terms(NamedTuple):
    """What a service asks of time; all lengths in seconds.

    `segments` are in turn time in which the provider works and time in which he is free meanwhile; the first and the
    last are work. The resource is taken for the whole, buffers included.
    """

    segments: tuple[int, ...]
    buffer_before: int = 0
    buffer_after: int = 0
    slot_interval: int = 600
    minimum_notice: int = 0
    booking_horizon: int = 365 * 86400

    @property
    def duration(self) -> int:
        return sum(self.segments)

    def work(self) -> Iterator[Span]:
        """Yield, from the start on, the segments in which the provider works, without buffers."""
        at = 0
        for place, length in enumerate(self.segments):
            if place % 2 == 0:
                yield at, at + length
            at += length

    def occupied(self, start: int) -> list[Span]:
        """Return the spans that the provider is taken, the buffers at both ends included."""
        spans = [(start + since, start + until) for since, until in self.work()]
        spans[0] = (spans[0][0] - self.buffer_before, spans[0][1])
        spans[-1] = (spans[-1][0], spans[-1][1] + self.buffer_after)
        return spans

    def whole(self, start: int) -> Span:
        """Return the span that a resource is taken."""
        return start - self.buffer_before, start + self.duration + self.buffer_after


class Calendar(NamedTuple):
    """One provider's time. `occupied` has the buffers of others in it.

    `seats` are the starts of group occurrences of this very service that have a seat left, `full` of those without.
    """

    schedule: Schedule
    occupied: Sequence[Span] = ()
    seats: frozenset[int] = frozenset()
    full: frozenset[int] = frozenset()


class Rooms(NamedTuple):
    """What is taken of each resource of the kind that is needed; `needed` is false for a service without."""

    taken: Sequence[Sequence[Span]] = ()
    needed: bool = False


NO_ROOMS = Rooms()


def offered(  # a day is the month of one day
    days: Sequence[date], calendar: Calendar, terms: Terms, zone: ZoneInfo, now: int, rooms: Rooms = NO_ROOMS
) -> Iterator[tuple[date, list[int]]]:
    """Yield each day with the wall-clock minutes of the starts that are offered, in order.

    Starts are stepped by the slot interval from each opening; days are consecutive.
    """
    timely = _timely_starts(days, calendar, terms, zone, now)
    allowed = without(without(timely, _clashing(calendar.occupied, terms)), _roomless(rooms, terms))
    place = 0
    for day in days:
        minutes, place = _of_day(day, calendar, terms, zone, allowed, place)
        minutes.update(_seats_of(day, calendar, zone, timely))
        if minutes:
            yield day, sorted(minutes)


def _timely_starts(days: Sequence[date], calendar: Calendar, terms: Terms, zone: ZoneInfo, now: int) -> list[Span]:
    """Return the instants at which hours, notice and horizon let the service start, whatever is taken."""
    open_spans = calendar.schedule.open_spans(around(days[0], days[-1]), zone)
    fitting = reduce(common, (_fitting(open_spans, since, until) for since, until in terms.work()))
    window = [(max(now, now + terms.minimum_notice), now + terms.booking_horizon + 1)]
    return common(fitting, window)


def _fitting(open_spans: Sequence[Span], since: int, until: int) -> list[Span]:
    """Return the starts at which a segment lies in the open spans."""
    return [(start - since, end - until + 1) for start, end in open_spans if end - start >= until - since]


def _clashing(occupied: Iterable[Span], terms: Terms) -> list[Span]:
    """Return the starts at which the provider would be taken twice."""
    segments = terms.occupied(0)
    return merged((start - until + 1, end - since) for start, end in occupied for since, until in segments)


def _roomless(rooms: Rooms, terms: Terms) -> list[Span]:
    """Return the starts at which every resource of the kind is taken."""
    if not rooms.needed:
        return []
    since, until = terms.whole(0)
    return reduce(
        common, (merged((s - until + 1, e - since) for s, e in taken) for taken in rooms.taken), [(-FAR, FAR)]
    )


def _of_day(
    day: date, calendar: Calendar, terms: Terms, zone: ZoneInfo, allowed: Sequence[Span], place: int
) -> tuple[set[int], int]:
    """Return the offered minutes of a day, and from where in the allowed spans the next day looks on."""
    step = terms.slot_interval // 60
    intervals = calendar.schedule.intervals(day)
    if not intervals:
        return set(), place
    midnight = plain_midnight(day, zone)
    if midnight is None:
        return {
            minute
            for start, end in intervals
            for minute in range(start, end, step)
            if (at := instant(day, minute, zone)) is not None and holds(allowed, at, at + 1)
        }, place
    minutes: set[int] = set()
    while place < len(allowed) and allowed[place][1] <= midnight:
        place += 1
    for low, high in allowed[place:]:
        if low >= midnight + intervals[-1][1] * 60:
            break
        for start, end in intervals:
            first = start + max(0, -(-(low - midnight - start * 60) // terms.slot_interval)) * step
            last = min(end, -(-(high - midnight) // 60))
            minutes.update(range(first, last, step))
    return minutes, place


def _seats_of(day: date, calendar: Calendar, zone: ZoneInfo, timely: Sequence[Span]) -> Iterator[int]:
    """Yield the minutes of group occurrences that have a seat left; nobody joins one outside the hours."""
    for start in calendar.seats:
        wall = local(start, zone)
        if wall.date() == day and holds(timely, start, start + 1):
            yield wall.hour * 60 + wall.minute


class Judge:
    """The rules over one provider's day, prepared once and asked about any start of it."""

    def __init__(
        self, day: date, calendar: Calendar, terms: Terms, zone: ZoneInfo, now: int, rooms: Rooms = NO_ROOMS
    ) -> None:
        self._calendar, self._terms, self._now, self._rooms = calendar, terms, now, rooms
        self._hours = calendar.schedule.hours(around(day), zone)
        self._taken = merged(calendar.occupied)

    def why_not(self, start: int) -> Reason | None:
        """Return the first rule that forbids a start, None if none does."""
        work = [(start + since, start + until) for since, until in self._terms.work()]
        forbidden = self._untimely(start) or self._not_open(work)
        if forbidden is not None or start in self._calendar.seats:
            return forbidden
        if start in self._calendar.full:
            return Reason.FULL
        return self._clash(start, work) or self._roomless(start)

    def _untimely(self, start: int) -> Reason | None:
        if start < self._now:
            return Reason.PAST
        if start < self._now + self._terms.minimum_notice:
            return Reason.NOTICE
        return Reason.HORIZON if start > self._now + self._terms.booking_horizon else None

    def _not_open(self, work: Sequence[Span]) -> Reason | None:
        schedule = self._calendar.schedule
        if not all(holds(self._hours, *span) for span in work):
            return Reason.OUTSIDE_HOURS
        if any(overlaps(schedule.closed, *span) for span in work):
            return Reason.CLOSED
        return Reason.TIME_OFF if any(overlaps(schedule.time_off, *span) for span in work) else None

    def _clash(self, start: int, work: Sequence[Span]) -> Reason | None:
        if not any(overlaps(self._taken, *span) for span in self._terms.occupied(start)):
            return None
        return Reason.OCCUPIED if any(overlaps(self._taken, *span) for span in work) else Reason.BUFFER

    def _roomless(self, start: int) -> Reason | None:
        roomless = self._rooms.needed and free_room(start, self._terms, self._rooms) is None
        return Reason.NO_RESOURCE if roomless else None


def why_not(  # all that the rules look at
    start: int, day: date, calendar: Calendar, terms: Terms, zone: ZoneInfo, now: int, rooms: Rooms = NO_ROOMS
) -> Reason | None:
    """Return the first rule that forbids a start, None if none does."""
    return Judge(day, calendar, terms, zone, now, rooms).why_not(start)


def free_room(start: int, terms: Terms, rooms: Rooms) -> int | None:
    """Return the place of the first resource that is free for the whole service, None if none is."""
    whole = terms.whole(start)
    return next((place for place, taken in enumerate(rooms.taken) if not overlaps(merged(taken), *whole)), None)


NEAREST = (
    Reason.FULL, Reason.OCCUPIED, Reason.BUFFER, Reason.NO_RESOURCE, Reason.NOTICE, Reason.HORIZON, Reason.TIME_OFF,
    Reason.CLOSED, Reason.OUTSIDE_HOURS, Reason.PAST,
)  # fmt: skip
"""Of several providers' reasons, the one that says most to a customer comes first."""


def explained(
    day: date, judges: Sequence[Judge], openings: Sequence[Span], step: int, zone: ZoneInfo
) -> Iterator[tuple[int, Reason]]:
    """Yield (wall-clock minute, reason) of each start of a day that no provider offers.

    Looked at are the steps from each opening, and those from midnight.
    """
    minutes = set(range(0, 24 * 60, step)).union(*(range(start, end, step) for start, end in openings))
    for minute in sorted(minutes):
        at = instant(day, minute, zone)
        if at is None:
            continue
        reasons = {judge.why_not(at) for judge in judges}
        if None not in reasons:
            yield minute, next((reason for reason in NEAREST if reason in reasons), Reason.CLOSED)
