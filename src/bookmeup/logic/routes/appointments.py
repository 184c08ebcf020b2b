"""Free times; booking, moving and cancelling; the lists of one's own and of everybody's."""

from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.clients.db import Db, decoded
from bookmeup.clients.headers import NEXT_HEADER
from bookmeup.errors import (
    Closed,
    InThePast,
    KeyInFlight,
    NoResource,
    NoSuchTime,
    NotFound,
    ProviderDoesNot,
    RuleBroken,
    SlotTaken,
    Stale,
    TooFarAhead,
    TooLateToCancel,
    TooManyHolds,
    TooSoon,
    UnknownReference,
    WrongState,
)  # fmt: skip
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import (
    Appointment,
    AppointmentPage,
    AppointmentRequest,
    Event,
    Held,
    HoldRequest,
    Move,
    Page,
    StaffAppointment,
    Why,
)  # fmt: skip
from bookmeup.web.answers import passed_on
from bookmeup.web.operations import Handler, operation
from bookmeup.web.paging import UNPAGED, link, page_of
from bookmeup.web.principal import SIGNED_IN, STAFF
from bookmeup.web.reading import path_date, path_id, query, read

RULES = (Closed, InThePast, TooSoon, TooFarAhead, NoSuchTime, ProviderDoesNot, UnknownReference, RuleBroken)


async def book(request: Request) -> Response:
    order = await read(request, AppointmentRequest)
    reply = await db(request).on_behalf(request).post("/appointments", order)
    response = passed_on(reply.status, reply.body)
    response.headers["Location"] = f"/appointments/{decoded(reply, Created).object_id}"
    return response


async def mine(request: Request) -> Response:
    return await _listed(request, "/appointments/mine")


async def everybodys(request: Request) -> Response:
    return await _listed(request, "/appointments")


async def of_date(request: Request) -> Response:
    return await _listed(request, "/appointments", path_date(request))


async def _listed(request: Request, path: str, day: date | None = None) -> Response:
    page, cursors = query(request, Page), request.app.state.cursors
    wanted = AppointmentPage() if page.cursor is None else cursors.read(path, page.cursor, AppointmentPage)
    wanted.limit, wanted.date = page.limit or UNPAGED, day
    reply = await db(request).on_behalf(request).get(path, wanted)
    response = passed_on(reply.status, reply.body)
    response.headers.update(link(request, cursors, path, reply.headers.get(NEXT_HEADER), page.limit))
    return response


async def one(request: Request) -> Response:
    """Answer with an ETag, by which a change can be made to depend on what was read."""
    reply = await db(request).on_behalf(request).get(f"/appointments/{path_id(request)}")
    etag = f'"v{decoded(reply, Appointment).version}"'
    if {"*", etag} & {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=304, headers={"ETag": etag})
    response = passed_on(reply.status, reply.body)
    response.headers["ETag"] = etag
    return response


async def hold(request: Request) -> Response:
    reply = await db(request).on_behalf(request).post("/holds", await read(request, HoldRequest))
    return passed_on(reply.status, reply.body)


async def release(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(f"/holds/{path_id(request)}")
    return passed_on(reply.status, reply.body)


async def history(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get(f"/appointments/{path_id(request)}/history")
    return page_of(request, reply.body)


def becoming(state: str) -> Handler:
    """Return the handler by which staff bring an appointment into a state; the reason may be left out."""

    async def become(request: Request) -> Response:
        appointment, why = path_id(request), await read(request, Why, empty=Why())
        reply = await db(request).on_behalf(request).post(f"/appointments/{appointment}/{state}", why)
        return passed_on(reply.status, reply.body)

    return become


async def move_mine(request: Request) -> Response:
    return await _moved(request, "/appointments/mine")


async def move_any(request: Request) -> Response:
    return await _moved(request, "/appointments")


async def _moved(request: Request, path: str) -> Response:
    appointment, change = path_id(request), await read(request, Move)
    reply = await db(request).on_behalf(request).put(f"{path}/{appointment}", change)
    return passed_on(reply.status, reply.body)


async def cancel_mine(request: Request) -> Response:
    return await _cancelled(request, "/appointments/mine")


async def cancel_any(request: Request) -> Response:
    return await _cancelled(request, "/appointments")


async def _cancelled(request: Request, path: str) -> Response:
    why = query(request, Why)
    reply = await db(request).on_behalf(request).delete(f"{path}/{path_id(request)}", why)
    return passed_on(reply.status, reply.body)


def db(request: Request) -> Db:
    found: Db = request.app.state.db
    return found


MINE, ONE = "/appointments/me/{id:int}", "/appointments/{id:int}"
MOVES = (SlotTaken, NoResource, NotFound, TooLateToCancel, Stale, KeyInFlight, *RULES)

routes: list[BaseRoute] = [
    operation("POST", "/appointments", book, SIGNED_IN, "Book; staff for others", body=AppointmentRequest,
              answer=Created, status=201, creates=True,
              refusals=(SlotTaken, NoResource, KeyInFlight, *RULES)),
    operation("GET", "/appointments/me", mine, SIGNED_IN, "My appointments", query=Page, answer=list[Appointment]),
    operation("PUT", MINE, move_mine, SIGNED_IN, "Move my appointment", body=Move, answer=Message, refusals=MOVES),
    operation("DELETE", MINE, cancel_mine, SIGNED_IN, "Cancel my appointment", query=Why, answer=Message,
              refusals=MOVES),
    operation("GET", "/appointments", everybodys, STAFF, "All appointments", query=Page, answer=list[StaffAppointment]),
    operation("GET", "/appointments/date/{date}", of_date, STAFF, "A date's appointments", query=Page,
              answer=list[StaffAppointment]),
    operation("GET", ONE, one, SIGNED_IN, "One appointment", answer=Appointment, refusals=(NotFound,)),
    operation("PUT", ONE, move_any, STAFF, "Move an appointment", body=Move, answer=Message, refusals=MOVES),
    operation("DELETE", ONE, cancel_any, STAFF, "Cancel an appointment", query=Why, answer=Message,
              refusals=MOVES),
    operation("GET", ONE + "/history", history, SIGNED_IN, "What happened to an appointment", query=Page,
              answer=list[Event], refusals=(NotFound,)),
    operation("POST", "/holds", hold, SIGNED_IN, "Hold a time for five minutes", body=HoldRequest, answer=Held,
              status=201, refusals=(SlotTaken, NoResource, TooManyHolds, KeyInFlight, *RULES), creates=True),
    operation("DELETE", "/holds/{id:int}", release, SIGNED_IN, "Release a hold", answer=Message, refusals=(NotFound,)),
    *(
        operation("POST", f"{ONE}/{state}", becoming(state), STAFF, summary, body=Why, answer=Message,
                  refusals=(NotFound, WrongState, Stale), needs_body=False)
        for state, summary in (
            ("confirm", "Confirm what is pending"), ("decline", "Decline what is pending"),
            ("complete", "The customer came"), ("no-show", "The customer did not come"),
        )
    ),
]  # fmt: skip
