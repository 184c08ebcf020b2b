"""Free times: of a day, of up to two months, the next ones; and why the others are not offered. Computed each time."""

from collections.abc import Iterator
from datetime import date, timedelta
from heapq import nsmallest

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.db.booking import with_addons
from bookmeup.db.callers import Callers
from bookmeup.db.decide import look
from bookmeup.db.queries.appointment_lists import in_the_way
from bookmeup.db.queries.calendar import Asked, Planner, ProviderTime, plan
from bookmeup.db.transactions import Caller
from bookmeup.domain.clock import instant, local, moment
from bookmeup.domain.slots import Judge, explained, offered
from bookmeup.errors import NoSuchTime, NotFound
from bookmeup.schemas.appointments import (
    LAST,
    DaySlots,
    DaysQuery,
    NextQuery,
    ProviderName,
    ProviderVerdict,
    Slots,
    SlotsQuery,
    StaffExplainQuery,
    Start,
    Unoffered,
    addon_ids,
)
from bookmeup.schemas.text import clock_text, minute
from bookmeup.web.operations import operation
from bookmeup.web.reading import query

LOGIC = Callers("logic")
TEXTS = [clock_text(minutes) for minutes in range(24 * 60 + 1)]
NEXT_DAYS, NEXT_WINDOWS = 31, 12


def planned(connection: Connection, asked: Asked) -> Planner:
    """Read the days; refuse what does not exist."""
    planner = plan(connection, asked)
    if planner is None:
        raise NotFound("There is no such location.")
    if planner.service is None:
        raise NotFound("There is no such service.")
    return with_addons(planner, asked)


def asked_of(wanted: SlotsQuery | DaysQuery | NextQuery | StaffExplainQuery, first: date, last: date) -> Asked:
    """Return what is asked of the calendar for these days."""
    provider = None if isinstance(wanted, StaffExplainQuery) else wanted.provider_id
    return Asked(wanted.service_id, first, last, provider, wanted.location_id, addon_ids(wanted.addons))


def offers(planner: Planner, days: list[date]) -> Iterator[tuple[ProviderTime, date, list[int]]]:
    """Yield what each provider offers on each day."""
    rooms, zone = planner.resources(), planner.zone
    for provider in planner.providers:
        terms, calendar = planner.terms(provider), planner.calendar(provider)
        for day, minutes in offered(days, calendar, terms, zone, planner.now, rooms):
            yield provider, day, minutes


async def slots(request: Request) -> Response:
    asked = query(request, SlotsQuery)
    return await look(request, lambda connection, _: day_slots(connection, asked))


def day_slots(connection: Connection, asked: SlotsQuery) -> Slots:
    """Return the starts that at least one provider offers, and if asked why the others are not."""
    planner = planned(connection, asked_of(asked, asked.date, asked.date))
    minutes = {minute for _, _, found in offers(planner, [asked.date]) for minute in found}
    times = [TEXTS[minute] for minute in sorted(minutes)]
    if not asked.explain:
        return Slots(times)
    return Slots(times, [why for why in _unoffered(planner, asked.date) if why.time not in set(times)])


def _unoffered(planner: Planner, day: date) -> Iterator[Unoffered]:
    assert planner.service is not None  # planned refuses others
    openings = [span for provider in planner.providers for span in planner.calendar(provider).schedule.intervals(day)]
    judges = [_judge(planner, provider, day) for provider in planner.providers]
    for wall, reason in explained(day, judges, openings, planner.service.slot_interval, planner.zone):
        yield Unoffered(TEXTS[wall], reason)


def _judge(planner: Planner, provider: ProviderTime, day: date) -> Judge:
    return Judge(
        day, planner.calendar(provider), planner.terms(provider), planner.zone, planner.now, planner.resources()
    )


async def days(request: Request) -> Response:
    asked = query(request, DaysQuery)
    return await look(request, lambda connection, _: many_days(connection, asked))


def many_days(connection: Connection, asked: DaysQuery) -> DaySlots:
    """Return the offered starts of several days: one statement, and one sweep a provider."""
    planner = planned(connection, asked_of(asked, asked.first, asked.last))
    wanted = _days(asked.first, (asked.last - asked.first).days + 1)
    union: dict[date, set[int]] = {day: set() for day in wanted}
    for _, day, minutes in offers(planner, wanted):
        union[day].update(minutes)
    return DaySlots({day.isoformat(): [TEXTS[wall] for wall in sorted(found)] for day, found in union.items() if found})


def _days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=ahead) for ahead in range(count)]


async def upcoming(request: Request) -> Response:
    asked = query(request, NextQuery)
    return await look(request, lambda connection, _: next_starts(connection, asked))


def next_starts(connection: Connection, asked: NextQuery) -> list[Start]:
    """Return the first starts from now on, looking a month at a time, a year or the horizon at the most."""
    first, found = _today(connection, asked), list[Start]()
    for window in range(NEXT_WINDOWS):
        wanted = _days(first + timedelta(days=window * NEXT_DAYS), NEXT_DAYS)
        planner = planned(connection, asked_of(asked, wanted[0], wanted[-1]))
        found += _first(planner, wanted, asked.count - len(found))
        if len(found) == asked.count or _is_beyond(planner, wanted[-1]):
            break
    return found


def _is_beyond(planner: Planner, day: date) -> bool:
    """Whether nothing after a day is offered yet."""
    assert planner.service is not None  # planned refuses others
    return planner.day_span(day)[1] > planner.now + planner.service.booking_horizon * 60


def _today(connection: Connection, asked: NextQuery) -> date:
    planner = planned(connection, asked_of(asked, LAST, LAST))  # nobody has anything then: little to read
    return local(planner.now, planner.zone).date()


def _first(planner: Planner, wanted: list[date], count: int) -> list[Start]:
    """Return the first starts of these days, each with the first provider who offers it."""
    who: dict[tuple[date, int], int] = {}
    for provider, day, minutes in offers(planner, wanted):
        for wall in minutes:
            who.setdefault((day, wall), provider.id)
    return [_start(planner, day, wall, who[day, wall]) for day, wall in nsmallest(count, who)]


def _start(planner: Planner, day: date, wall: int, provider_id: int) -> Start:
    at = instant(day, wall, planner.zone)
    assert at is not None  # what does not exist is not offered
    return Start(day.isoformat(), TEXTS[wall], moment(at), provider_id)


async def verdicts(request: Request) -> Response:
    asked = query(request, StaffExplainQuery)
    return await look(request, lambda connection, who: of_providers(connection, who, asked))


def of_providers(connection: Connection, who: Caller, asked: StaffExplainQuery) -> list[ProviderVerdict]:
    """Return, for staff, what keeps each provider from a start, and which appointments are in the way."""
    planner = planned(connection, asked_of(asked, asked.date, asked.date))
    start = instant(asked.date, minute(asked.time), planner.zone)
    if start is None:
        raise NoSuchTime
    spans = {provider.id: planner.terms(provider).whole(start) for provider in planner.providers}
    blocking = in_the_way(connection, who, spans)
    return [
        ProviderVerdict(
            ProviderName(provider.id, provider.name),
            _judge(planner, provider, asked.date).why_not(start),
            blocking.get(provider.id, []),
        )
        for provider in planner.providers
    ]


routes: list[BaseRoute] = [
    operation("GET", "/slots", slots, LOGIC, "Offered starts of a day", query=SlotsQuery, answer=Slots),
    operation("GET", "/slots/days", days, LOGIC, "Offered starts of days", query=DaysQuery, answer=DaySlots),
    operation("GET", "/slots/next", upcoming, LOGIC, "The next starts", query=NextQuery, answer=list[Start]),
    operation("GET", "/slots/verdicts", verdicts, LOGIC, "Why not, for staff", query=StaffExplainQuery,
              answer=list[ProviderVerdict]),
]  # fmt: skip
