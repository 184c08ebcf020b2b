"""The providers and their hours, and the availability that old clients add to dates."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.errors import (
    AppointmentsAffected,
    AvailabilityInUse,
    AvailabilityOverlaps,
    Conflict,
    KeyInFlight,
    MethodNotAllowed,
    NotFound,
    ProviderDoesNot,
    RuleBroken,
    UnknownReference,
)  # fmt: skip
from bookmeup.logic.routes.appointments import db
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import DayQuery, Page
from bookmeup.schemas.business import (
    Availability,
    AvailabilityRequest,
    NewProvider,
    Provider,
    ProviderRequest,
)  # fmt: skip
from bookmeup.schemas.hours import Affected, Consent
from bookmeup.web.answers import passed_on
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.paging import page_of
from bookmeup.web.principal import ADMIN, STAFF
from bookmeup.web.reading import path_date, path_id, query, read


async def providers(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/providers")
    return page_of(request, reply.body)


async def create_provider(request: Request) -> Response:
    reply = await db(request).on_behalf(request).post("/providers", await read(request, NewProvider))
    return passed_on(reply.status, reply.body)


async def change_provider(request: Request) -> Response:
    wanted, consent = await read(request, ProviderRequest), query(request, Consent)
    reply = await db(request).on_behalf(request).put(f"/providers/{path_id(request)}", wanted, consent)
    return passed_on(reply.status, reply.body)


async def retire_provider(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(f"/providers/{path_id(request)}", query(request, Consent))
    return passed_on(reply.status, reply.body)


async def availability(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/availability", DayQuery(path_date(request)))
    return page_of(request, reply.body)


async def add_availability(request: Request) -> Response:
    reply = await db(request).on_behalf(request).post("/availability", await read(request, AvailabilityRequest))
    return passed_on(reply.status, reply.body)


async def remove_availability(request: Request) -> Response:
    span, consent = path_id(request), query(request, Consent)
    reply = await db(request).on_behalf(request).delete(f"/availability/{span}", consent)
    return passed_on(reply.status, reply.body)


PROVIDER = "/providers/{id:int}"

routes: list[BaseRoute] = [
    operation("GET", "/providers", providers, ANYONE, "Who performs services", query=Page, answer=list[Provider]),
    operation("POST", "/providers", create_provider, STAFF, "Add a provider", body=NewProvider, answer=Created,
              status=201, creates=True,
              refusals=(UnknownReference, ProviderDoesNot, RuleBroken, Conflict, KeyInFlight)),
    operation("PUT", PROVIDER, change_provider, STAFF, "Change a provider, services or weekly hours",
              body=ProviderRequest, query=Consent, answer=(Message, Affected),
              refusals=(NotFound, UnknownReference, ProviderDoesNot, RuleBroken, AppointmentsAffected)),
    operation("DELETE", PROVIDER, retire_provider, ADMIN, "Retire a provider; appointments that are kept stay his",
              query=Consent, answer=(Message, Affected), refusals=(NotFound, AppointmentsAffected)),
    operation("GET", "/availability/{date}", availability, STAFF, "What is added to a date", query=Page,
              answer=list[Availability]),
    operation("POST", "/availability", add_availability, STAFF, "Open a date", body=AvailabilityRequest, answer=Created,
              status=201, refusals=(AvailabilityOverlaps, UnknownReference, KeyInFlight), creates=True),
    operation("DELETE", "/availability/{id:int}", remove_availability, STAFF, "Close it again", query=Consent,
              answer=(Message, Affected), refusals=(NotFound, AvailabilityInUse, MethodNotAllowed)),
]  # fmt: skip
