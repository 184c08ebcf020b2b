"""When a provider is open: weekly hours in wall-clock time, what replaces or adds to them, and what closes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bookmeup.domain.clock import boundary
from bookmeup.domain.spans import Span, merged, without


class Hours(NamedTuple):
    """An interval of every week. Weekdays are ISO's, Monday is 1; minutes are after midnight, up to 1440."""

    weekday: int
    start_minute: int
    end_minute: int


class Addition(NamedTuple):
    """An interval added to one date: what old clients call an availability."""

    day: date
    start_minute: int
    end_minute: int


class Schedule(NamedTuple):
    """All that says when one provider is open.

    `replaced` are the dates whose weekly hours do not count, with the intervals in minutes that do; `closed` and
    `time_off` are merged spans.
    """

    weekly: Sequence[Hours] = ()
    added: Sequence[Addition] = ()
    replaced: Mapping[date, Sequence[Span]] = {}
    closed: Sequence[Span] = ()
    time_off: Sequence[Span] = ()

    def intervals(self, day: date) -> list[Span]:
        """Return the wall-clock intervals of a day, in minutes, merged and sorted, whatever closes."""
        usual = self.replaced.get(day)
        if usual is None:
            weekday = day.isoweekday()
            usual = [(h.start_minute, h.end_minute) for h in self.weekly if h.weekday == weekday]
        added = [(a.start_minute, a.end_minute) for a in self.added if a.day == day]
        return merged((*usual, *added))

    def hours(self, days: Iterable[date], zone: ZoneInfo) -> list[Span]:
        """Return the hours of these days as instants; what runs on over midnight is one span."""
        return merged(
            (boundary(day, start, zone), boundary(day, end, zone)) for day in days for start, end in self.intervals(day)
        )

    def open_spans(self, days: Iterable[date], zone: ZoneInfo) -> list[Span]:
        """Return the hours of these days without closures and time off."""
        return without(without(self.hours(days, zone), self.closed), self.time_off)


def around(first: date, last: date | None = None) -> list[date]:
    """Return the days from first to last with their neighbours: an appointment may run over midnight."""
    count = ((last or first) - first).days
    return [first + timedelta(days=ahead) for ahead in range(-1, count + 2)]
