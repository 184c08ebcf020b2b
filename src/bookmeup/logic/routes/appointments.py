"""Free times; booking, moving and cancelling; the lists of one's own and of everybody's."""

from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.clients.db import Db, decoded
from bookmeup.clients.headers import NEXT_HEADER
from bookmeup.errors import (
    Closed,
    Fault,
    InThePast,
    Invalid,
    KeyInFlight,
    NoSuchTime,
    NotFound,
    ProviderDoesNot,
    RuleBroken,
    SlotTaken,
    Stale,
    TooFarAhead,
    TooLateToCancel,
    TooSoon,
    UnknownReference,
)  # fmt: skip
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import (
    FIRST,
    LAST,
    Appointment,
    AppointmentPage,
    AppointmentRequest,
    Move,
    Page,
    Slots,
    SlotsQuery,
    StaffAppointment,
)  # fmt: skip
from bookmeup.web.answers import passed_on
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.paging import UNPAGED, link
from bookmeup.web.principal import SIGNED_IN, STAFF
from bookmeup.web.reading import path_id, query, read

RULES = (Closed, InThePast, TooSoon, TooFarAhead, NoSuchTime, ProviderDoesNot, UnknownReference, RuleBroken)


async def slots(request: Request) -> Response:
    asked = query(request, SlotsQuery)
    reply = await db(request).on_behalf(request).get("/slots", asked)
    return passed_on(reply.status, reply.body)


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
    return await _listed(request, "/appointments", day_of(request))


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
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    response = passed_on(reply.status, reply.body)
    response.headers["ETag"] = etag
    return response


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
    reply = await db(request).on_behalf(request).delete(f"{path}/{path_id(request)}")
    return passed_on(reply.status, reply.body)


def day_of(request: Request) -> date:
    """Return the date in the path; one that no calendar has is refused with its place."""
    text: str = request.path_params["date"]
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not FIRST <= day <= LAST or day.isoformat() != text:  # Python reads more of ISO 8601 than we promise
        raise Invalid([Fault("/date", f"must be a date, YYYY-MM-DD, between {FIRST} and {LAST}")])
    return day


def db(request: Request) -> Db:
    found: Db = request.app.state.db
    return found


MINE, ONE = "/appointments/me/{id:int}", "/appointments/{id:int}"
MOVES = (SlotTaken, NotFound, TooLateToCancel, Stale, KeyInFlight, *RULES)

routes: list[BaseRoute] = [
    operation("GET", "/available-timeslots", slots, ANYONE, "Free times of a day", query=SlotsQuery, answer=Slots,
              refusals=(NotFound,)),
    operation("POST", "/appointments", book, SIGNED_IN, "Book; staff for others", body=AppointmentRequest,
              answer=Created, status=201, refusals=(SlotTaken, KeyInFlight, *RULES), creates=True),
    operation("GET", "/appointments/me", mine, SIGNED_IN, "My appointments", query=Page, answer=list[Appointment]),
    operation("PUT", MINE, move_mine, SIGNED_IN, "Move my appointment", body=Move, answer=Message, refusals=MOVES),
    operation("DELETE", MINE, cancel_mine, SIGNED_IN, "Cancel my appointment", answer=Message, refusals=MOVES),
    operation("GET", "/appointments", everybodys, STAFF, "All appointments", query=Page, answer=list[StaffAppointment]),
    operation("GET", "/appointments/date/{date}", of_date, STAFF, "A date's appointments", query=Page,
              answer=list[StaffAppointment]),
    operation("GET", ONE, one, SIGNED_IN, "One appointment", answer=Appointment, refusals=(NotFound,)),
    operation("PUT", ONE, move_any, STAFF, "Move an appointment", body=Move, answer=Message, refusals=MOVES),
    operation("DELETE", ONE, cancel_any, STAFF, "Cancel an appointment", answer=Message, refusals=MOVES),
]  # fmt: skip
