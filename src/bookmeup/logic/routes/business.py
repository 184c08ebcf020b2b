"""The location, the providers and their hours, and the availability that old clients add to dates."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.errors import (
    AvailabilityInUse,
    AvailabilityOverlaps,
    Conflict,
    KeyInFlight,
    MethodNotAllowed,
    NotFound,
    UnknownReference,
)
from bookmeup.logic.routes.appointments import day_of, db
from bookmeup.logic.routes.services import catalogue
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import DayQuery
from bookmeup.schemas.business import (
    Availability,
    AvailabilityRequest,
    Location,
    LocationChange,
    NewProvider,
    Provider,
    ProviderRequest,
)  # fmt: skip
from bookmeup.web.answers import passed_on
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.principal import ADMIN, STAFF
from bookmeup.web.reading import path_id, read


async def location(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/location")
    return passed_on(reply.status, reply.body)


async def change_location(request: Request) -> Response:
    reply = await db(request).on_behalf(request).put("/location", await read(request, LocationChange))
    catalogue(request).drop()
    return passed_on(reply.status, reply.body)


async def providers(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/providers")
    return passed_on(reply.status, reply.body)


async def create_provider(request: Request) -> Response:
    reply = await db(request).on_behalf(request).post("/providers", await read(request, NewProvider))
    return passed_on(reply.status, reply.body)


async def change_provider(request: Request) -> Response:
    wanted = await read(request, ProviderRequest)
    reply = await db(request).on_behalf(request).put(f"/providers/{path_id(request)}", wanted)
    return passed_on(reply.status, reply.body)


async def retire_provider(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(f"/providers/{path_id(request)}")
    return passed_on(reply.status, reply.body)


async def availability(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/availability", DayQuery(day_of(request)))
    return passed_on(reply.status, reply.body)


async def add_availability(request: Request) -> Response:
    reply = await db(request).on_behalf(request).post("/availability", await read(request, AvailabilityRequest))
    return passed_on(reply.status, reply.body)


async def remove_availability(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(f"/availability/{path_id(request)}")
    return passed_on(reply.status, reply.body)


PROVIDER = "/providers/{id:int}"

routes: list[BaseRoute] = [
    operation("GET", "/location", location, ANYONE, "The place", answer=Location),
    operation("PUT", "/location", change_location, ADMIN, "Change the place", body=LocationChange, answer=Message),
    operation("GET", "/providers", providers, ANYONE, "Who performs services", answer=list[Provider]),
    operation("POST", "/providers", create_provider, STAFF, "Add a provider", body=NewProvider, answer=Created,
              status=201, refusals=(UnknownReference, Conflict, KeyInFlight), creates=True),
    operation("PUT", PROVIDER, change_provider, STAFF, "Change a provider, services or weekly hours",
              body=ProviderRequest, answer=Message, refusals=(NotFound, UnknownReference)),
    operation("DELETE", PROVIDER, retire_provider, ADMIN, "Retire a provider; his appointments stay", answer=Message,
              refusals=(NotFound,)),
    operation("GET", "/availability/{date}", availability, STAFF, "What is added to a date", answer=list[Availability]),
    operation("POST", "/availability", add_availability, STAFF, "Open a date", body=AvailabilityRequest, answer=Created,
              status=201, refusals=(AvailabilityOverlaps, UnknownReference, KeyInFlight), creates=True),
    operation("DELETE", "/availability/{id:int}", remove_availability, STAFF, "Close it again", answer=Message,
              refusals=(NotFound, AvailabilityInUse, MethodNotAllowed)),
]  # fmt: skip
