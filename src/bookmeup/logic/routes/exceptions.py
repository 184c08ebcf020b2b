"""What differs from a provider's weekly hours: replaced days and time off; for staff."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.errors import AppointmentsAffected, KeyInFlight, NotFound
from bookmeup.logic.routes.appointments import db
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import Page
from bookmeup.schemas.hours import Affected, Consent, DayRequest, ProviderDay, TimeOff, TimeOffRequest
from bookmeup.web.answers import passed_on
from bookmeup.web.operations import operation
from bookmeup.web.paging import page_of
from bookmeup.web.principal import STAFF
from bookmeup.web.reading import path_date, path_id, query, read


async def day(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get(_day(request))
    return passed_on(reply.status, reply.body)


async def replace_day(request: Request) -> Response:
    wanted, consent = await read(request, DayRequest), query(request, Consent)
    reply = await db(request).on_behalf(request).put(_day(request), wanted, consent)
    return passed_on(reply.status, reply.body)


async def restore_day(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(_day(request), query(request, Consent))
    return passed_on(reply.status, reply.body)


async def time_off(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get(_time_off(request))
    return page_of(request, reply.body)


async def add_time_off(request: Request) -> Response:
    wanted, consent = await read(request, TimeOffRequest), query(request, Consent)
    reply = await db(request).on_behalf(request).post(_time_off(request), wanted, consent)
    return passed_on(reply.status, reply.body)


async def end_time_off(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(f"{_time_off(request)}/{path_id(request, 'time_off')}")
    return passed_on(reply.status, reply.body)


def _day(request: Request) -> str:
    return f"/providers/{path_id(request)}/days/{path_date(request)}"


def _time_off(request: Request) -> str:
    return f"/providers/{path_id(request)}/time-off"


DAY = "/providers/{id:int}/days/{date}"
OFF = "/providers/{id:int}/time-off"
CAREFUL = (NotFound, AppointmentsAffected)

routes: list[BaseRoute] = [
    operation("GET", DAY, day, STAFF, "A provider's hours of a date", answer=ProviderDay, refusals=(NotFound,)),
    operation("PUT", DAY, replace_day, STAFF, "Replace the weekly hours of a date", body=DayRequest, query=Consent,
              answer=(Message, Affected), refusals=CAREFUL),
    operation("DELETE", DAY, restore_day, STAFF, "Let the weekly hours count again", query=Consent,
              answer=(Message, Affected), refusals=CAREFUL),
    operation("GET", OFF, time_off, STAFF, "A provider's time off that is not over", query=Page,
              answer=list[TimeOff], refusals=(NotFound,)),
    operation("POST", OFF, add_time_off, STAFF, "Add time off", body=TimeOffRequest, query=Consent, answer=Created,
              status=201, also={200: Affected}, refusals=(*CAREFUL, KeyInFlight), creates=True),
    operation("DELETE", OFF + "/{time_off:int}", end_time_off, STAFF, "Delete time off", answer=Message,
              refusals=(NotFound,)),
]  # fmt: skip
