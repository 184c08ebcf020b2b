"""Series and visits: several appointments made, shown and cancelled as one."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.db import series, visits
from bookmeup.db.callers import Callers
from bookmeup.db.decide import decide, look
from bookmeup.db.queries import appointment_lists as lists
from bookmeup.db.queries.together import Together
from bookmeup.db.routes.appointments import customer_of
from bookmeup.db.together import cancelled
from bookmeup.errors import NotFound
from bookmeup.schemas.appointments import Why
from bookmeup.schemas.together import (
    CancelledTogether,
    Series,
    SeriesMade,
    SeriesRequest,
    Visit,
    VisitMade,
    VisitRequest,
    VisitSlots,
    VisitSlotsQuery,
)
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_id, query, read

LOGIC = Callers("logic")


async def make_series(request: Request) -> Response:
    order = await read(request, SeriesRequest)
    status = 200 if order.dry_run else 201
    return await decide(
        request,
        lambda tx: series.made(tx, order, customer_of(tx, order)),
        status=status,
        body=order,
        once=not order.dry_run,
        lasting=True,
    )


async def one_series(request: Request) -> Response:
    wanted = path_id(request)
    return await look(request, lambda connection, who: lists.series(connection, who, wanted) or _missing("series"))


async def cancel_series(request: Request) -> Response:
    """Cancel the dates for which it is not too late; the others stay."""
    wanted, why = path_id(request), query(request, Why)
    return await decide(request, lambda tx: cancelled(tx, Together.SERIES, wanted, why.reason, whole=False))


async def visit_slots(request: Request) -> Response:
    asked = query(request, VisitSlotsQuery)
    return await look(request, lambda connection, _: visits.slots(connection, asked))


async def make_visit(request: Request) -> Response:
    order = await read(request, VisitRequest)
    return await decide(
        request, lambda tx: visits.made(tx, order, customer_of(tx, order)), status=201, body=order, lasting=True
    )


async def one_visit(request: Request) -> Response:
    wanted = path_id(request)
    return await look(request, lambda connection, who: lists.visit(connection, who, wanted) or _missing("visit"))


async def cancel_visit(request: Request) -> Response:
    """Cancel all parts, or none where it is too late for one."""
    wanted, why = path_id(request), query(request, Why)
    return await decide(request, lambda tx: cancelled(tx, Together.VISIT, wanted, why.reason, whole=True))


def _missing(what: str) -> object:
    raise NotFound(f"There is no such {what}.")


ONE_SERIES, ONE_VISIT = "/series/{id:int}", "/visits/{id:int}"

routes: list[BaseRoute] = [
    operation("POST", "/series", make_series, LOGIC, "Book", body=SeriesRequest, answer=SeriesMade, status=201),
    operation("GET", ONE_SERIES, one_series, LOGIC, "Read a series", answer=Series),
    operation("DELETE", ONE_SERIES, cancel_series, LOGIC, "Cancel what is to come", answer=CancelledTogether),
    operation("GET", "/visit-slots", visit_slots, LOGIC, "Starts", query=VisitSlotsQuery, answer=VisitSlots),
    operation("POST", "/visits", make_visit, LOGIC, "Book", body=VisitRequest, answer=VisitMade, status=201),
    operation("GET", ONE_VISIT, one_visit, LOGIC, "Read a visit", answer=Visit),
    operation("DELETE", ONE_VISIT, cancel_visit, LOGIC, "Cancel it", answer=CancelledTogether),
]
