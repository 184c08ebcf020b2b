"""When a provider is open: weekly hours in wall-clock time, and the spans added to a date."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bookmeup.domain.clock import boundary
from bookmeup.domain.spans import Span, merged


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
    """All that says when one provider is open."""

    weekly: Sequence[Hours] = ()
    added: Sequence[Addition] = ()

    def intervals(self, day: date) -> list[Span]:
        """Return the wall-clock intervals of a day, in minutes, merged and sorted."""
        weekly = ((h.start_minute, h.end_minute) for h in self.weekly if h.weekday == day.isoweekday())
        added = ((a.start_minute, a.end_minute) for a in self.added if a.day == day)
        return merged((*weekly, *added))

    def open_spans(self, days: Iterable[date], zone: ZoneInfo) -> list[Span]:
        """Return the open spans of these days as instants; what runs on over midnight is one span."""
        return merged(
            (boundary(day, start, zone), boundary(day, end, zone)) for day in days for start, end in self.intervals(day)
        )


def around(day: date) -> tuple[date, date, date]:
    """Return the day with its neighbours: an appointment may run over midnight."""
    return day - timedelta(days=1), day, day + timedelta(days=1)
