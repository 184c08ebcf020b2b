"""What can be added to a service: read by anyone, changed by staff."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.errors import KeyInFlight, NotFound
from bookmeup.logic.routes.appointments import db
from bookmeup.schemas.addons import Addon, AddonChange, NewAddon
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import Page
from bookmeup.web.answers import passed_on
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.paging import page_of
from bookmeup.web.principal import STAFF
from bookmeup.web.reading import path_id, read


async def addons(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get(_of_service(request))
    return page_of(request, reply.body)


async def create(request: Request) -> Response:
    reply = await db(request).on_behalf(request).post(_of_service(request), await read(request, NewAddon))
    return passed_on(reply.status, reply.body)


async def change(request: Request) -> Response:
    wanted = await read(request, AddonChange)
    reply = await db(request).on_behalf(request).put(_one(request), wanted)
    return passed_on(reply.status, reply.body)


async def remove(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(_one(request))
    return passed_on(reply.status, reply.body)


def _of_service(request: Request) -> str:
    return f"/services/{path_id(request)}/addons"


def _one(request: Request) -> str:
    return f"{_of_service(request)}/{path_id(request, 'addon')}"


ALL = "/services/{id:int}/addons"
ONE = ALL + "/{addon:int}"

routes: list[BaseRoute] = [
    operation("GET", ALL, addons, ANYONE, "What can be added to a service", query=Page,
              answer=list[Addon], refusals=(NotFound,)),
    operation("POST", ALL, create, STAFF, "Add an add-on", body=NewAddon, answer=Created, status=201,
              refusals=(NotFound, KeyInFlight), creates=True),
    operation("PUT", ONE, change, STAFF, "Change an add-on; appointments keep theirs", body=AddonChange,
              answer=Message, refusals=(NotFound,)),
    operation("DELETE", ONE, remove, STAFF, "Offer an add-on no more; appointments keep theirs", answer=Message,
              refusals=(NotFound,)),
]  # fmt: skip
