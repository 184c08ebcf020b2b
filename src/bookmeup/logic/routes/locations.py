"""The places of the business and when they are closed: read by anyone, changed by an admin or by staff."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.errors import AppointmentsAffected, KeyInFlight, NotFound, UnknownReference
from bookmeup.logic.routes.appointments import db
from bookmeup.logic.routes.services import catalogue
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import Page
from bookmeup.schemas.business import Location, LocationChange, LocationMade, NewLocation
from bookmeup.schemas.hours import Affected, Closure, ClosureRequest, ClosuresQuery, Consent
from bookmeup.web.answers import passed_on
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.paging import page_of
from bookmeup.web.principal import ADMIN, STAFF
from bookmeup.web.reading import path_id, query, read


async def location(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/location")
    return passed_on(reply.status, reply.body)


async def change_location(request: Request) -> Response:
    return await _changed(request, "/location")


async def locations(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/locations")
    return page_of(request, reply.body)


async def create(request: Request) -> Response:
    reply = await db(request).on_behalf(request).post("/locations", await read(request, NewLocation))
    catalogue(request).drop()
    return passed_on(reply.status, reply.body)


async def change(request: Request) -> Response:
    return await _changed(request, f"/locations/{path_id(request)}")


async def _changed(request: Request, path: str) -> Response:
    wanted, consent = await read(request, LocationChange), query(request, Consent)
    reply = await db(request).on_behalf(request).put(path, wanted, consent)
    catalogue(request).drop()
    return passed_on(reply.status, reply.body)


async def closures(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/closures", query(request, ClosuresQuery))
    return page_of(request, reply.body)


async def close(request: Request) -> Response:
    wanted, consent = await read(request, ClosureRequest), query(request, Consent)
    reply = await db(request).on_behalf(request).post("/closures", wanted, consent)
    return passed_on(reply.status, reply.body)


async def reopen(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(f"/closures/{path_id(request)}")
    return passed_on(reply.status, reply.body)


routes: list[BaseRoute] = [
    operation("GET", "/location", location, ANYONE, "The first location", answer=Location),
    operation("PUT", "/location", change_location, ADMIN, "Change the first location", body=LocationChange,
              query=Consent, answer=(Message, Affected), refusals=(AppointmentsAffected,)),
    operation("GET", "/locations", locations, ANYONE, "The places of the business", query=Page,
              answer=list[Location]),
    operation("POST", "/locations", create, ADMIN, "Open a location, with a provider", body=NewLocation,
              answer=LocationMade, status=201, refusals=(KeyInFlight,), creates=True),
    operation("PUT", "/locations/{id:int}", change, ADMIN, "Change a location", body=LocationChange, query=Consent,
              answer=(Message, Affected), refusals=(NotFound, AppointmentsAffected)),
    operation("GET", "/closures", closures, ANYONE, "Closures that are not over", query=ClosuresQuery,
              answer=list[Closure]),
    operation("POST", "/closures", close, STAFF, "Close a location for a time", body=ClosureRequest, query=Consent,
              answer=Created, status=201, also={200: Affected}, creates=True,
              refusals=(UnknownReference, AppointmentsAffected, KeyInFlight)),
    operation("DELETE", "/closures/{id:int}", reopen, STAFF, "Delete a closure", answer=Message, refusals=(NotFound,)),
]  # fmt: skip
