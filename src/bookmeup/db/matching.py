"""Who on the waitlist gets time that has become free: the first in line whom an offered start fits."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from bookmeup.db import booking
from bookmeup.db.booking import Wanted
from bookmeup.db.queries import waitlist
from bookmeup.db.queries.appointments import Made
from bookmeup.db.queries.calendar import Asked, Planner, plan, plan_locked
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

    def __init__(self, tx: Tx, opening: Opening, plan: Callable[[Connection, Asked], Planner | None]) -> None:
        self._tx, self._opening, self._plan = tx, opening, plan
        self._read: dict[Needed, tuple[Planner, dict[date, list[int]]]] = {}

    def first_start(self, wish: Wish) -> tuple[Planner, Start] | None:
        """Return the first start that fits a wish, None if none does."""
        planner, free = self._of(wish)
        start = next(_starts(wish, planner, free, self._opening.of(wish)), None)
        return start and (planner, start)

    def _of(self, wish: Wish) -> tuple[Planner, dict[date, list[int]]]:
        """Return the planner and the offered minutes by day."""
        needed = _needed(wish)
        if needed not in self._read:
            asked = Asked(wish.service_id, self._opening.first, self._opening.last, wish.provider_id, wish.location_id)
            planner = booking.existing(self._plan(self._tx.connection, asked), asked)
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

    Who has none is passed over without a lock, so that a long line holds up no booking. For the others are locked
    first who and what could be taken, in order of id as everywhere, then the wishes, in order of theirs.
    """
    look = Calendars(tx, opening, plan)
    fitting = [wish for wish in waitlist.waiting(tx, opening.first, opening.last) if look.first_start(wish)]
    if not fitting:
        return 0
    lock_all(tx.connection, list({_needed(wish) for wish in fitting}))
    calendars, made = Calendars(tx, opening, plan_locked), 0
    for wish in waitlist.lock_waiting(tx, opening.first, opening.last, [wish.id for wish in fitting]):
        found = calendars.first_start(wish)
        if found:
            _offer(tx, found[0], wish, found[1])
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
