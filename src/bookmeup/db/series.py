"""Standing appointments: the whole span planned once, each date judged by the rules, then booked like any other."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from bookmeup.db import booking
from bookmeup.db.booking import Wanted
from bookmeup.db.queries import together
from bookmeup.db.queries.appointments import Made, Place, Promise
from bookmeup.db.queries.audit import record
from bookmeup.db.queries.calendar import Asked, Planner
from bookmeup.db.queries.series import insert_all
from bookmeup.db.queries.together import Together
from bookmeup.db.spread import Spread
from bookmeup.db.transactions import Tx
from bookmeup.domain.appointments import Status
from bookmeup.domain.series import dates, latest
from bookmeup.errors import BadRule, DatesClash, Fault, Refusal
from bookmeup.schemas.text import minute
from bookmeup.schemas.together import SeriesDate, SeriesDates, SeriesMade, SeriesRequest
from bookmeup.schemas.users import Customer

CALENDARS_END = 2990


class Judged(NamedTuple):
    """A date: where it can be put and what is promised of it, or what refuses it."""

    day: date
    found: tuple[Place, Promise] | Refusal

    def shown(self, time: str, appointment_id: int | None = None) -> SeriesDate:
        ok = not isinstance(self.found, Refusal)
        code = self.found.code if isinstance(self.found, Refusal) else None
        return SeriesDate(self.day.isoformat(), time, ok, code, appointment_id)


def made(tx: Tx, order: SeriesRequest, customer: Customer | int) -> SeriesDates | SeriesMade:
    """Book each date of a series, or say which dates can be had."""
    planner, days = _planned(tx, order)
    judged = _judged(planner, order, days)
    if order.dry_run:
        return SeriesDates("Nothing was booked.", [one.shown(order.time) for one in judged])
    clashes = [(place, one) for place, one in enumerate(judged) if isinstance(one.found, Refusal)]
    if clashes and not order.skip_clashes:
        raise DatesClash(faults=[_fault(place, one, order.time) for place, one in clashes])
    if len(clashes) == len(judged):
        raise DatesClash("None of these dates can be booked.", faults=[_fault(0, judged[0], order.time)])
    return _booked(tx, planner, order, judged, customer)


def _planned(tx: Tx, order: SeriesRequest) -> tuple[Planner, list[date]]:
    """Lock and read the whole span once; the rule needs the zone, and the zone is read with it."""
    last = order.date
    if order.date.year < CALENDARS_END:
        last = latest(order.rule, order.date, minute(order.time))
    addons = sorted(set(order.addons))
    asked = Asked(order.service_id, order.date, last, order.provider_id, order.location_id, addons)
    planner = booking.planned(tx, asked)
    days = dates(order.rule, order.date, minute(order.time), planner.zone)
    if days[-1] > last:
        raise BadRule("A series ends before the calendar does.")
    return planner, days


def _judged(planner: Planner, order: SeriesRequest, days: Sequence[date]) -> list[Judged]:
    """Return of each date what can be had; each keeps clear of the ones before it."""
    spread, judged = Spread(planner), []
    for day in days:
        try:
            narrow = spread.on(day)
            start = booking.start_of(narrow, day, minute(order.time))
            place = booking.chosen(narrow, start, day)
            wanted = Wanted(order.service_id, day, minute(order.time), order.provider_id)
            judged.append(Judged(day, (place, booking.promise_of(narrow, wanted, place.provider_id))))
            spread.note(place)
        except Refusal as refusal:
            judged.append(Judged(day, refusal))
    return judged


def _fault(place: int, one: Judged, time: str) -> Fault:
    assert isinstance(one.found, Refusal)
    return Fault(f"/dates/{place}", f"{one.day.isoformat()} {time} {one.found.code}: {one.found}")


def _booked(
    tx: Tx, planner: Planner, order: SeriesRequest, judged: Sequence[Judged], customer: Customer | int
) -> SeriesMade:
    assert planner.service is not None  # planned refuses others
    series, customer_id = together.insert(tx, Together.SERIES, customer, order.rule)
    waits = planner.service.needs_approval and not tx.actor.role.is_staff
    found = [one.found for one in judged if not isinstance(one.found, Refusal)]
    as_part = Made(customer_id, Status.PENDING if waits else Status.CONFIRMED, series_id=series)
    ids = insert_all(tx, found, customer_id, as_part)
    shown = [
        one.shown(order.time, None if isinstance(one.found, Refusal) else ids[one.found[0].start]) for one in judged
    ]
    record(tx, "booked", "series", series)
    return SeriesMade("Series booked.", series, shown)
