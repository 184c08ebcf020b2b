"""Rooms, chairs and devices; for staff."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.errors import AppointmentsAffected, KeyInFlight, NotFound, UnknownReference
from bookmeup.logic.routes.appointments import db
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import Page
from bookmeup.schemas.business import NewResource, Resource, ResourceRequest
from bookmeup.schemas.hours import Affected, Consent
from bookmeup.web.answers import passed_on
from bookmeup.web.operations import operation
from bookmeup.web.paging import page_of
from bookmeup.web.principal import STAFF
from bookmeup.web.reading import path_id, query, read


async def resources(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/resources")
    return page_of(request, reply.body)


async def create(request: Request) -> Response:
    reply = await db(request).on_behalf(request).post("/resources", await read(request, NewResource))
    return passed_on(reply.status, reply.body)


async def change(request: Request) -> Response:
    wanted, consent = await read(request, ResourceRequest), query(request, Consent)
    reply = await db(request).on_behalf(request).put(f"/resources/{path_id(request)}", wanted, consent)
    return passed_on(reply.status, reply.body)


async def retire(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(f"/resources/{path_id(request)}", query(request, Consent))
    return passed_on(reply.status, reply.body)


ONE = "/resources/{id:int}"

routes: list[BaseRoute] = [
    operation("GET", "/resources", resources, STAFF, "Rooms, chairs and devices", query=Page, answer=list[Resource]),
    operation("POST", "/resources", create, STAFF, "Add a room, chair or device", body=NewResource, answer=Created,
              status=201, refusals=(UnknownReference, KeyInFlight), creates=True),
    operation("PUT", ONE, change, STAFF, "Change a room, chair or device", body=ResourceRequest, query=Consent,
              answer=(Message, Affected), refusals=(NotFound, UnknownReference, AppointmentsAffected)),
    operation("DELETE", ONE, retire, STAFF, "Retire a room, chair or device", query=Consent,
              answer=(Message, Affected), refusals=(NotFound, AppointmentsAffected)),
]  # fmt: skip
