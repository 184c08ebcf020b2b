"""The catalogue: read by anyone, changed by staff."""

from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.errors import AppointmentsAffected, KeyInFlight, NotFound, RuleBroken
from bookmeup.logic.catalogue import Catalogue
from bookmeup.logic.routes.appointments import db
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import Page
from bookmeup.schemas.hours import Affected, Consent
from bookmeup.schemas.services import NewService, Service, ServiceChange, StaffService
from bookmeup.web.answers import JSON, ok, passed_on
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.paging import UNPAGED, link, page_of
from bookmeup.web.principal import STAFF
from bookmeup.web.reading import path_id, query, read

LISTED = "services"


class After(Struct):
    """Where a page of services starts."""

    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


async def services(request: Request) -> Response:
    """Answer with the whole copy, or with a page of it."""
    page, copy = query(request, Page), await catalogue(request).read()
    if page.limit is None and page.cursor is None and not _is_long(copy):
        return Response(copy, media_type=JSON)
    cursors = request.app.state.cursors
    start = After() if page.cursor is None else cursors.read(LISTED, page.cursor, After)
    limit = page.limit or UNPAGED
    found = [service for service in msgspec.json.decode(copy, type=list[Service]) if service.id > start.after]
    more = msgspec.json.encode(After(found[limit - 1].id)).decode() if len(found) > limit else None
    response = ok(found[:limit])
    response.headers.update(link(request, cursors, LISTED, more, page.limit))
    return response


@lru_cache(maxsize=2)
def _is_long(copy: bytes) -> bool:
    """Whether a copy has more rows than one page; a copy is the same bytes until a write."""
    return len(msgspec.json.decode(copy, type=list[msgspec.Raw])) > UNPAGED


async def create(request: Request) -> Response:
    service = await read(request, NewService)
    reply = await db(request).on_behalf(request).post("/services", service)
    catalogue(request).drop()
    return passed_on(reply.status, reply.body)


async def change(request: Request) -> Response:
    service, wanted, consent = path_id(request), await read(request, ServiceChange), query(request, Consent)
    reply = await db(request).on_behalf(request).put(f"/services/{service}", wanted, consent)
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
    return page_of(request, reply.body)


def catalogue(request: Request) -> Catalogue:
    found: Catalogue = request.app.state.catalogue
    return found


ONE = "/services/{id:int}"

routes: list[BaseRoute] = [
    operation("GET", "/services", services, ANYONE, "What is sold", query=Page, answer=list[Service]),
    operation("GET", "/services/all", every, STAFF, "All services, hidden and inactive ones too",
              query=Page, answer=list[StaffService]),
    operation("GET", ONE, one, ANYONE, "One service; a hidden one too", answer=Service, refusals=(NotFound,)),
    operation("POST", "/services", create, STAFF, "Add a service", body=NewService, answer=Created, status=201,
              refusals=(KeyInFlight,), creates=True),
    operation("PUT", ONE, change, STAFF, "Change a service", body=ServiceChange, query=Consent,
              answer=(Message, Affected), refusals=(NotFound, RuleBroken, AppointmentsAffected)),
    operation("DELETE", ONE, remove, STAFF, "Remove a service; one with appointments is deactivated", answer=Message,
              refusals=(NotFound,)),
]  # fmt: skip
