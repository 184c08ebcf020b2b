"""Series, standing appointments; and visits, several services in one go."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.clients.db import decoded
from bookmeup.errors import (
    BadRule,
    DatesClash,
    KeyInFlight,
    NoResource,
    NotFound,
    SlotTaken,
    TooLateToCancel,
    UnknownReference,
)
from bookmeup.logic.routes.appointments import RULES, db
from bookmeup.schemas.appointments import Why
from bookmeup.schemas.together import (
    CancelledTogether,
    Series,
    SeriesDates,
    SeriesMade,
    SeriesRequest,
    Visit,
    VisitMade,
    VisitRequest,
    VisitSlots,
    VisitSlotsQuery,
)
from bookmeup.web.answers import passed_on
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.principal import SIGNED_IN
from bookmeup.web.reading import path_id, query, read


async def make_series(request: Request) -> Response:
    order = await read(request, SeriesRequest)
    reply = await db(request).on_behalf(request).post("/series", order)
    response = passed_on(reply.status, reply.body)
    if not order.dry_run:
        response.headers["Location"] = f"/series/{decoded(reply, SeriesMade).object_id}"
    return response


async def one_series(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get(f"/series/{path_id(request)}")
    return passed_on(reply.status, reply.body)


async def cancel_series(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(f"/series/{path_id(request)}", query(request, Why))
    return passed_on(reply.status, reply.body)


async def visit_slots(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/visit-slots", query(request, VisitSlotsQuery))
    return passed_on(reply.status, reply.body)


async def make_visit(request: Request) -> Response:
    reply = await db(request).on_behalf(request).post("/visits", await read(request, VisitRequest))
    response = passed_on(reply.status, reply.body)
    response.headers["Location"] = f"/visits/{decoded(reply, VisitMade).object_id}"
    return response


async def one_visit(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get(f"/visits/{path_id(request)}")
    return passed_on(reply.status, reply.body)


async def cancel_visit(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(f"/visits/{path_id(request)}", query(request, Why))
    return passed_on(reply.status, reply.body)


SERIES, VISIT = "/series/{id:int}", "/visits/{id:int}"
TAKEN = (SlotTaken, NoResource, KeyInFlight, *RULES)

routes: list[BaseRoute] = [
    operation("POST", "/series", make_series, SIGNED_IN, "Book a standing appointment, or see which dates can be had",
              body=SeriesRequest, answer=SeriesMade, status=201, also={200: SeriesDates}, creates=True,
              refusals=(DatesClash, BadRule, UnknownReference, KeyInFlight)),
    operation("GET", SERIES, one_series, SIGNED_IN, "A standing appointment", answer=Series, refusals=(NotFound,)),
    operation("DELETE", SERIES, cancel_series, SIGNED_IN, "Cancel the dates that are still to come", query=Why,
              answer=CancelledTogether, refusals=(NotFound, TooLateToCancel)),
    operation("GET", "/visit-slots", visit_slots, ANYONE, "Free times for several services in one go",
              query=VisitSlotsQuery, answer=VisitSlots, refusals=(UnknownReference,)),
    operation("POST", "/visits", make_visit, SIGNED_IN, "Book several services in one go", body=VisitRequest,
              answer=VisitMade, status=201, refusals=TAKEN, creates=True),
    operation("GET", VISIT, one_visit, SIGNED_IN, "A visit", answer=Visit, refusals=(NotFound,)),
    operation("DELETE", VISIT, cancel_visit, SIGNED_IN, "Cancel a whole visit", query=Why, answer=CancelledTogether,
              refusals=(NotFound, TooLateToCancel)),
]  # fmt: skip
