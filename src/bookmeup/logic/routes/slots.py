"""Free times: of a day, of up to two months, the next ones, and why others are not offered. Never cached."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.errors import NoSuchTime, NotFound, RuleBroken, UnknownReference
from bookmeup.logic.routes.appointments import db
from bookmeup.schemas.appointments import (
    DaySlots,
    DaysQuery,
    NextQuery,
    ProviderVerdict,
    Slots,
    SlotsQuery,
    StaffExplainQuery,
    Start,
)
from bookmeup.web.answers import passed_on
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.principal import STAFF
from bookmeup.web.reading import query

NOT_SHOWN = (NotFound, UnknownReference, RuleBroken)


async def slots(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/slots", query(request, SlotsQuery))
    return passed_on(reply.status, reply.body)


async def days(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/slots/days", query(request, DaysQuery))
    return passed_on(reply.status, reply.body)


async def upcoming(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/slots/next", query(request, NextQuery))
    return passed_on(reply.status, reply.body)


async def verdicts(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/slots/verdicts", query(request, StaffExplainQuery))
    return passed_on(reply.status, reply.body)


routes: list[BaseRoute] = [
    operation("GET", "/available-timeslots", slots, ANYONE, "Free times of a day", query=SlotsQuery, answer=Slots,
              refusals=NOT_SHOWN),
    operation("GET", "/available-timeslots/days", days, ANYONE, "Free times of up to 62 days", query=DaysQuery,
              answer=DaySlots, refusals=NOT_SHOWN),
    operation("GET", "/available-timeslots/next", upcoming, ANYONE, "The next free times", query=NextQuery,
              answer=list[Start], refusals=NOT_SHOWN),
    operation("GET", "/available-timeslots/verdicts", verdicts, STAFF, "What keeps each provider from a time",
              query=StaffExplainQuery, answer=list[ProviderVerdict], refusals=(*NOT_SHOWN, NoSuchTime)),
]  # fmt: skip
