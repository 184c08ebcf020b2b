"""Which appointments lie outside the hours: what a change of them would leave behind."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bookmeup.domain.clock import local
from bookmeup.domain.schedule import Schedule, around
from bookmeup.domain.slots import Terms
from bookmeup.domain.spans import holds


class Standing(NamedTuple):
    """An appointment as it stands: when it starts, and its segments in seconds."""

    id: int
    start: int
    segments: tuple[int, ...]


def outside(standing: Iterable[Standing], schedule: Schedule, zone: ZoneInfo) -> set[int]:
    """Return those in which the provider would work while he is not open; processing time and buffers may stick out."""
    appointments = list(standing)
    days: set[date] = set()
    for one in appointments:
        ends = one.start + sum(one.segments)
        days.update(around(local(one.start, zone).date(), local(ends, zone).date()))
    open_spans = schedule.open_spans(sorted(days), zone)
    return {
        one.id
        for one in appointments
        for work in [Terms(one.segments).work()]
        if not all(holds(open_spans, one.start + since, one.start + until) for since, until in work)
    }
