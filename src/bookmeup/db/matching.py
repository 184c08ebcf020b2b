"""Who on the waitlist gets time that has become free: the first in line whom an offered start fits."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from bookmeup.db import booking
from bookmeup.db.booking import Wanted
from bookmeup.db.queries import outbox, waitlist
from bookmeup.db.queries.appointments import Made
from bookmeup.db.queries.calendar import Asked, Planner, plan
from bookmeup.db.queries.several import Needed, lock_all
from bookmeup.db.transactions import Tx
from bookmeup.domain.appointments import Status
from bookmeup.domain.clock import instant
from bookmeup.domain.slots import offered
from bookmeup.domain.waitlist import Wish, stands_until


class Opening(NamedTuple):
    """The days on which time may have become free."""

    first: date
    last: date

    def of(self, wish: Wish) -> list[date]:
        """Return the days of it that are wished for."""
        first, last = max(self.first, wish.first), min(self.last, wish.last)
        return wish.days(first + timedelta(days=ahead) for ahead in range((last - first).days + 1))


class Start(NamedTuple):
    """A start that fits a wish."""

    day: date
    minute: int
    at: int
    until: int


class Calendars:
    """What is free of a service with a provider, read once and again after something was taken."""

    def __init__(self, tx: Tx, opening: Opening, needed: Iterable[Needed]) -> None:
        self._tx, self._opening = tx, opening
        self._needed = set(needed)
        self._read: dict[Needed, tuple[Planner, dict[date, list[int]]]] = {}

    def of(self, wish: Wish) -> tuple[Planner, dict[date, list[int]]] | None:
        """Return the planner and the offered minutes by day; None for who joined after the rows were locked."""
        needed = _needed(wish)
        if needed not in self._needed:
            return None
        if needed not in self._read:
            asked = Asked(wish.service_id, self._opening.first, self._opening.last, wish.provider_id, wish.location_id)
            outbox.end_in_the_way(self._tx, asked)
            planner = booking.existing(plan(self._tx.connection, asked), asked)
            self._read[needed] = planner, _free(planner, self._opening)
        return self._read[needed]

    def forget(self) -> None:
        self._read.clear()


def _needed(wish: Wish) -> Needed:
    return Needed(wish.service_id, wish.provider_id, wish.location_id)


def _free(planner: Planner, opening: Opening) -> dict[date, list[int]]:
    """Return the offered minutes of each day, whoever offers them."""
    days = [opening.first + timedelta(days=ahead) for ahead in range((opening.last - opening.first).days + 1)]
    rooms, found = planner.resources(), dict[date, set[int]]()
    for provider in planner.providers:
        terms, calendar = planner.terms(provider), planner.calendar(provider)
        for day, minutes in offered(days, calendar, terms, planner.zone, planner.now, rooms):
            found.setdefault(day, set()).update(minutes)
    return {day: sorted(minutes) for day, minutes in found.items()}


def match(tx: Tx, opening: Opening) -> int:
    """Make an offer to everybody, in line, for whom there is a start; return how many.

    Locked are first who and what could be taken, in order of id as everywhere, then the wishes, in order of theirs.
    """
    needed = {_needed(wish) for wish in waitlist.waiting(tx, opening.first, opening.last)}
    if not needed:
        return 0
    lock_all(tx.connection, list(needed))
    calendars, made = Calendars(tx, opening, needed), 0
    for wish in waitlist.waiting(tx, opening.first, opening.last, lock=True):
        found = calendars.of(wish)
        start = next(_starts(wish, *found, opening.of(wish)), None) if found else None
        if found and start:
            _offer(tx, found[0], wish, start)
            calendars.forget()
            made += 1
    return made


def _starts(wish: Wish, planner: Planner, free: dict[date, list[int]], days: Sequence[date]) -> Iterator[Start]:
    """Yield the starts that fit a wish and can still be answered, the earliest first."""
    if not planner.providers:
        return
    shortest = min((planner.terms(provider) for provider in planner.providers), key=lambda terms: terms.duration)
    for day in days:
        for wall in free.get(day, ()):
            at = instant(day, wall, planner.zone)
            if at is None or not wish.fits(day, wall, at, shortest, planner.zone):
                continue
            terms = booking.chosen(planner, at, day).terms
            until = stands_until(at, terms, planner.now)
            if until is not None and wish.fits(day, wall, at, terms, planner.zone):
                yield Start(day, wall, at, until)


def _offer(tx: Tx, planner: Planner, wish: Wish, start: Start) -> None:
    """Hold the time for this customer and tell that it is offered."""
    wanted = Wanted(wish.service_id, start.day, start.minute, wish.provider_id, wish.location_id)
    made = Made(wish.customer_id, Status.HOLD, start.until)
    appointment = booking.put(tx, planner, wanted, made)
    waitlist.offer(tx, wish.id, appointment, start.until)
