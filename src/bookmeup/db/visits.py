"""Visits: all parts locked at once, planned one after the other, and booked together or not at all."""

from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy import Connection

from bookmeup.db import booking
from bookmeup.db.booking import Wanted
from bookmeup.db.queries import appointments as stored
from bookmeup.db.queries import together
from bookmeup.db.queries.appointments import Made
from bookmeup.db.queries.audit import record
from bookmeup.db.queries.calendar import Asked, Planner, ProviderTime, plan, plan_locked
from bookmeup.db.queries.several import Needed, lock_all
from bookmeup.db.queries.together import Together
from bookmeup.db.transactions import Tx
from bookmeup.domain.appointments import Status
from bookmeup.domain.booking import refusal_of
from bookmeup.domain.clock import instant, local
from bookmeup.domain.slots import Judge, offered
from bookmeup.domain.spans import Span, merged, overlaps
from bookmeup.domain.visits import Choice, Part, Search, Verdict
from bookmeup.errors import ProviderDoesNot
from bookmeup.schemas.text import clock_text, minute
from bookmeup.schemas.together import (
    VisitMade,
    VisitPart,
    VisitRequest,
    VisitService,
    VisitSlot,
    VisitSlots,
    VisitSlotsQuery,
)
from bookmeup.schemas.users import Customer


class Calendars:
    """The planners of a visit's parts on one day, asked about starts."""

    def __init__(self, planners: Sequence[Planner], day: date) -> None:
        self._planners, self._day = planners, day
        self._judges: dict[tuple[int, int], Judge] = {}
        self._verdicts: dict[tuple[int, int, int], Verdict] = {}
        self._rooms = [[(room.id, merged(room.taken)) for room in planner.rooms] for planner in planners]

    def choices(self) -> list[list[Choice]]:
        """Return for each part who could do it."""
        return [
            [
                Choice(provider.id, planner.terms(provider), provider.booked_within(*planner.day_span(self._day)))
                for provider in planner.providers
            ]
            for planner in self._planners
        ]

    def ask(self, place: int, choice: Choice, start: int) -> Verdict:
        key = (place, choice.provider_id, start)
        if key not in self._verdicts:
            self._verdicts[key] = self._verdict(place, choice, start)
        return self._verdicts[key]

    def _verdict(self, place: int, choice: Choice, start: int) -> Verdict:
        planner = self._planners[place]
        provider = provider_of(planner, choice.provider_id)
        reason = self._judge(place, provider).why_not(start)
        if reason is not None or any(group.start == start for group in provider.groups):
            return Verdict(reason, joins=reason is None)
        return Verdict(None, rooms=self._free(place, choice.terms.whole(start)))

    def _judge(self, place: int, provider: ProviderTime) -> Judge:
        key = (place, provider.id)
        if key not in self._judges:
            planner = self._planners[place]
            calendar, terms = planner.calendar(provider), planner.terms(provider)
            self._judges[key] = Judge(self._day, calendar, terms, planner.zone, planner.now, planner.resources())
        return self._judges[key]

    def _free(self, place: int, whole: Span) -> list[int] | None:
        if not self._planners[place].resources().needed:
            return None
        return [room for room, taken in self._rooms[place] if not overlaps(taken, *whole)]


def provider_of(planner: Planner, provider_id: int) -> ProviderTime:
    return next(provider for provider in planner.providers if provider.id == provider_id)


def _asked(parts: Sequence[VisitService], day: date, location_id: int | None) -> list[Asked]:
    return [Asked(part.service_id, day, day, part.provider_id, location_id, sorted(set(part.addons))) for part in parts]


def _at_one_place(planners: list[Planner]) -> list[Planner]:
    if len({planner.location_id for planner in planners}) > 1:
        raise ProviderDoesNot("A visit is at one location: name a location_id, and providers who work there.")
    return planners


def slots(connection: Connection, asked: VisitSlotsQuery) -> VisitSlots:
    """Return the starts of a day at which the whole visit can be had, each with a plan."""
    parts = asked.parts()
    wanted = _asked(parts, asked.date, asked.location_id)
    planners = _at_one_place([booking.existing(plan(connection, one), one) for one in wanted])
    calendars = Calendars(planners, asked.date)
    search = Search(calendars.choices(), calendars.ask)
    found = []
    for wall, start in _starts(planners[0], asked.date):
        plans = search.plan(start)
        if plans is not None:
            shown = _shown(planners[0], parts, plans, [None] * len(parts))
            found.append(VisitSlot(clock_text(wall), shown))
    return VisitSlots(found)


def _starts(planner: Planner, day: date) -> Iterator[tuple[int, int]]:
    """Yield the offered starts of the first part, as minutes and instants."""
    rooms, found = planner.resources(), set()
    for provider in planner.providers:
        terms, calendar = planner.terms(provider), planner.calendar(provider)
        for _, minutes in offered([day], calendar, terms, planner.zone, planner.now, rooms):
            found.update(minutes)
    for wall in sorted(found):
        at = instant(day, wall, planner.zone)
        if at is not None:
            yield wall, at


def made(tx: Tx, order: VisitRequest, customer: Customer | int) -> VisitMade:
    """Book all parts, or refuse with the rule that forbids the furthest part."""
    asked = _asked(order.services, order.date, order.location_id)
    lock_all(tx.connection, [Needed.of(one) for one in asked])
    found = [booking.existing(plan_locked(tx.connection, one), one) for one in asked]
    planners = _at_one_place(found)
    start = booking.start_of(planners[0], order.date, minute(order.time))
    parts = _plan(planners, order.date, start)
    visit, customer_id = together.insert(tx, Together.VISIT, customer)
    ids = [
        _put(
            tx,
            planner,
            Wanted(part.service_id, order.date, 0, part.provider_id),
            planned,
            Made(customer_id, visit_id=visit),
        )
        for planner, part, planned in zip(planners, order.services, parts, strict=True)
    ]
    record(tx, "booked", "visit", visit)
    return VisitMade("Visit booked.", visit, _shown(planners[0], order.services, parts, ids))


def _plan(planners: Sequence[Planner], day: date, start: int) -> list[Part]:
    calendars = Calendars(planners, day)
    search = Search(calendars.choices(), calendars.ask)
    parts = search.plan(start)
    if parts is not None:
        return parts
    if not search.reasons:
        raise ProviderDoesNot
    raise refusal_of(search.reasons)


def _put(tx: Tx, planner: Planner, wanted: Wanted, part: Part, made_for: Made) -> int:
    assert planner.service is not None  # existing refuses others
    place = booking.place_at(planner, provider_of(planner, part.choice.provider_id), part.start, part.choice.terms)
    if place.occurrence_id is None:
        place = place._replace(resource_id=part.room)
    waits = planner.service.needs_approval and not tx.actor.role.is_staff
    status = Status.PENDING if waits else Status.CONFIRMED
    promise = booking.promise_of(planner, wanted, place.provider_id)
    return stored.insert(tx, place, promise, made_for._replace(status=status))


def _shown(
    planner: Planner, services: Sequence[VisitService], parts: Sequence[Part], ids: Sequence[int | None]
) -> list[VisitPart]:
    shown = []
    for service, part, appointment in zip(services, parts, ids, strict=True):
        begins, ends = (local(at, planner.zone) for at in (part.start, part.start + part.choice.terms.duration))
        day, provider = begins.date().isoformat(), part.choice.provider_id
        shown.append(VisitPart(service.service_id, provider, day, f"{begins:%H:%M}", f"{ends:%H:%M}", appointment))
    return shown
