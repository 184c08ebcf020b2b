"""Which starts are offered, and why one is not.

Times are instants in whole seconds; see `clock`. A start is offered if the service fits into the open spans and,
with its buffers, overlaps nothing that is occupied, and if notice and horizon allow it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bookmeup.domain.clock import instant
from bookmeup.domain.schedule import Schedule, around
from bookmeup.domain.spans import Span, holds, merged, overlaps
from bookmeup.errors import Closed, InThePast, Refusal, SlotTaken, TooFarAhead, TooSoon


class Terms(NamedTuple):
    """What a service asks of time; all lengths in seconds."""

    duration: int
    buffer_before: int = 0
    buffer_after: int = 0
    slot_interval: int = 600
    minimum_notice: int = 0
    booking_horizon: int = 365 * 86400

    def occupied(self, start: int) -> Span:
        """Return the span, both buffers included, that an appointment at this start takes."""
        return start - self.buffer_before, start + self.duration + self.buffer_after


class Calendar(NamedTuple):
    """One provider's time: the schedule and what is occupied, buffers included."""

    schedule: Schedule
    occupied: Sequence[Span] = ()


def offered(day: date, calendar: Calendar, terms: Terms, zone: ZoneInfo, now: int) -> Iterator[tuple[int, int]]:
    """Yield (wall-clock minute, instant) of each start that is offered on a day, in order.

    Starts are stepped by the slot interval from each opening.
    """
    open_spans = calendar.schedule.open_spans(around(day), zone)
    blocked = _blocked(calendar.occupied, terms)
    earliest, latest = now + terms.minimum_notice, now + terms.booking_horizon
    for start, end in calendar.schedule.intervals(day):
        for minute in range(start, end, terms.slot_interval // 60):
            at = instant(day, minute, zone)
            if at is None or not earliest <= at <= latest or at < now:
                continue
            if holds(open_spans, at, at + terms.duration) and not overlaps(blocked, at, at + 1):
                yield minute, at


def check(start: int, day: date, calendar: Calendar, terms: Terms, zone: ZoneInfo, now: int) -> None:
    """Refuse, by the rule that forbids it, a start that cannot be booked."""
    refusal = why_not(start, day, calendar, terms, zone, now)
    if refusal is not None:
        raise refusal


def why_not(start: int, day: date, calendar: Calendar, terms: Terms, zone: ZoneInfo, now: int) -> Refusal | None:
    """Return the first rule that forbids a start, None if none does."""
    if start < now:
        return InThePast()
    if start < now + terms.minimum_notice:
        return TooSoon()
    if start > now + terms.booking_horizon:
        return TooFarAhead()
    if not holds(calendar.schedule.open_spans(around(day), zone), start, start + terms.duration):
        return Closed()
    if overlaps(merged(calendar.occupied), *terms.occupied(start)):
        return SlotTaken()
    return None


def _blocked(occupied: Iterable[Span], terms: Terms) -> list[Span]:
    """Return the starts, as spans, at which the service with its buffers would overlap something occupied."""
    before, after = terms.duration + terms.buffer_after, terms.buffer_before
    return merged((start - before + 1, end + after) for start, end in occupied)
