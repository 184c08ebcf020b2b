"""The catalogue: read by anyone, changed by staff."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.errors import KeyInFlight, NotFound, RuleBroken
from bookmeup.logic.catalogue import Catalogue
from bookmeup.logic.routes.appointments import db
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.services import NewService, Service, ServiceChange, StaffService
from bookmeup.web.answers import JSON, passed_on
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.principal import STAFF
from bookmeup.web.reading import path_id, read


async def services(request: Request) -> Response:
    return Response(await catalogue(request).read(), media_type=JSON)


async def create(request: Request) -> Response:
    service = await read(request, NewService)
    reply = await db(request).on_behalf(request).post("/services", service)
    catalogue(request).drop()
    return passed_on(reply.status, reply.body)


async def change(request: Request) -> Response:
    service, wanted = path_id(request), await read(request, ServiceChange)
    reply = await db(request).on_behalf(request).put(f"/services/{service}", wanted)
    catalogue(request).drop()
    return passed_on(reply.status, reply.body)


async def remove(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(f"/services/{path_id(request)}")
    catalogue(request).drop()
    return passed_on(reply.status, reply.body)


async def one(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get(f"/services/{path_id(request)}")
    return passed_on(reply.status, reply.body)


async def every(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/services/all")
    return passed_on(reply.status, reply.body)


def catalogue(request: Request) -> Catalogue:
    found: Catalogue = request.app.state.catalogue
    return found


ONE = "/services/{id:int}"

routes: list[BaseRoute] = [
    operation("GET", "/services", services, ANYONE, "What is sold", answer=list[Service]),
    operation("GET", "/services/all", every, STAFF, "All services, hidden and inactive ones too",
              answer=list[StaffService]),
    operation("GET", ONE, one, ANYONE, "One service; a hidden one too", answer=Service, refusals=(NotFound,)),
    operation("POST", "/services", create, STAFF, "Add a service", body=NewService, answer=Created, status=201,
              refusals=(KeyInFlight,), creates=True),
    operation("PUT", ONE, change, STAFF, "Change a service", body=ServiceChange, answer=Message,
              refusals=(NotFound, RuleBroken)),
    operation("DELETE", ONE, remove, STAFF, "Remove a service; one with appointments is deactivated", answer=Message,
              refusals=(NotFound,)),
]  # fmt: skip
