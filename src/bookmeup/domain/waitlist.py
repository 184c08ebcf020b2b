"""The waitlist: which free starts are a wish's, who is next in line, and how long an offer stands.

The line is the order in which people joined. A wish has one open offer at a time, and is never offered time that it
was offered before.
"""

from collections.abc import Collection, Iterable
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bookmeup.domain.clock import DAY_MINUTES, local
from bookmeup.domain.slots import Terms
from bookmeup.domain.spans import Span

OFFER_SECONDS = 15 * 60
SHORTEST_OFFER_SECONDS = 60
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


class Wish(NamedTuple):
    """What somebody waits for. Minutes are of the wall clock: the appointment lies between them.

    `offered` are the spans that were offered to this wish before, `busy` those of the customer's own appointments.
    """

    id: int
    customer_id: int
    service_id: int
    provider_id: int | None
    first: date
    last: date
    weekdays: Collection[int] = EVERY_DAY
    start_minute: int = 0
    end_minute: int = DAY_MINUTES
    offered: Collection[Span] = ()
    location_id: int | None = None
    busy: Collection[Span] = ()

    def days(self, days: Iterable[date]) -> list[date]:
        """Return those of the days that are wished for."""
        return [day for day in days if self.first <= day <= self.last and day.isoweekday() in self.weekdays]

    def fits(self, day: date, minute: int, start: int, terms: Terms, zone: ZoneInfo) -> bool:
        """Whether a start on one of the days wished for is what is wished, new to this wish, and can be kept."""
        end = start + terms.duration
        if minute < self.start_minute or any(
            start < until and since < end for since, until in (*self.offered, *self.busy)
        ):
            return False
        if self.end_minute == DAY_MINUTES:
            return True
        ends = local(end, zone)
        return ends.date() == day and ends.hour * 60 + ends.minute <= self.end_minute


def stands_until(start: int, terms: Terms, now: int) -> int | None:
    """Return until when an offer of a start stands: a quarter of an hour, or as long as it may still be booked.

    None where too little time is left to answer.
    """
    until = min(now + OFFER_SECONDS, start - terms.minimum_notice)
    return until if until - now >= SHORTEST_OFFER_SECONDS else None
