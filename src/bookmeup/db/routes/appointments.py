"""Booking, holding, moving, cancelling and what follows an appointment; and the lists."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.clients.headers import NEXT_HEADER
from bookmeup.db import booking
from bookmeup.db.booking import Wanted
from bookmeup.db.callers import Callers
from bookmeup.db.changes import cancelled, confirmed_hold, made_state, moved, released
from bookmeup.db.decide import decide, look, looked
from bookmeup.db.queries import appointment_lists as lists
from bookmeup.db.queries import appointments as stored
from bookmeup.db.queries.appointments import Made
from bookmeup.db.queries.calendar import planning
from bookmeup.db.transactions import Tx
from bookmeup.domain.appointments import Status
from bookmeup.domain.clock import moment
from bookmeup.errors import Fault, Invalid, NotFound, TooManyHolds
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import (
    Appointment,
    AppointmentPage,
    AppointmentRequest,
    Event,
    Held,
    HoldRequest,
    Move,
    Why,
)
from bookmeup.schemas.text import minute
from bookmeup.schemas.users import Customer
from bookmeup.web.answers import ok
from bookmeup.web.operations import Handler, operation
from bookmeup.web.reading import path_id, query, read

LOGIC = Callers("logic")
HOLD_SECONDS = 300
MOST_HOLDS = 3


async def book(request: Request) -> Response:
    order = await read(request, AppointmentRequest)
    then = planning(wanted_of(order).asked()) if order.hold_id is None else None
    return await decide(request, lambda tx: booked(tx, order), status=201, body=order, lasting=True, then=then)


def booked(tx: Tx, order: AppointmentRequest) -> Created:
    """Book what is asked for, or what a hold keeps; a service that needs approval makes it pending."""
    customer = customer_of(tx, order)
    if order.hold_id is not None:
        return _created(confirmed_hold(tx, order.hold_id, customer), order.hold_id)
    wanted = wanted_of(order)
    planner = booking.planned(tx, wanted.asked())
    assert planner.service is not None  # planned refuses others
    status = Status.PENDING if planner.service.needs_approval and not tx.actor.role.is_staff else Status.CONFIRMED
    return _created(status, booking.put(tx, planner, wanted, Made(customer, status)))


def _created(status: Status, appointment_id: int) -> Created:
    said = "Appointment booked." if status is Status.CONFIRMED else "Appointment requested."
    return Created(said, appointment_id)


def wanted_of(order: AppointmentRequest | HoldRequest) -> Wanted:
    return Wanted(
        order.service_id,
        order.date,
        minute(order.time),
        order.provider_id,
        order.location_id,
        sorted(set(order.addons)),
    )


class ForSomebody(Protocol):
    """An order by which staff may name for whom it is."""

    user_id: int | None
    customer: Customer | None


def customer_of(tx: Tx, order: ForSomebody) -> Customer | int:
    """Return for whom it is: staff book for others, anybody else for himself."""
    if not tx.actor.role.is_staff:
        return tx.actor.id
    if order.customer is not None and order.user_id is not None:
        raise Invalid([Fault("/customer", "is not given together with user_id")])
    return order.customer or order.user_id or tx.actor.id


async def hold(request: Request) -> Response:
    order = await read(request, HoldRequest)
    then = planning(wanted_of(order).asked())
    return await decide(request, lambda tx: held(tx, order), status=201, body=order, lasting=True, then=then)


def held(tx: Tx, order: HoldRequest) -> Held:
    """Keep a time while somebody fills in the form: an occupied span like any other, for five minutes or until then."""
    wanted = wanted_of(order)
    planner = booking.planned(tx, wanted.asked())
    if stored.holds_of(tx, tx.actor.id) >= MOST_HOLDS:
        raise TooManyHolds
    until = min(tx.now + HOLD_SECONDS, booking.start_of(planner, wanted.day, wanted.minute))
    made = booking.put(tx, planner, wanted, Made(tx.actor.id, Status.HOLD, until))
    return Held("Time held.", made, moment(until))


async def move(request: Request) -> Response:
    change, appointment = await read(request, Move), path_id(request)
    return await decide(request, lambda tx: moved(tx, appointment, change, tx.staff()), body=change)


async def move_own(request: Request) -> Response:
    change, appointment = await read(request, Move), path_id(request)
    return await decide(request, lambda tx: moved(tx, appointment, change, tx.as_customer()), body=change)


async def cancel(request: Request) -> Response:
    appointment, why = path_id(request), query(request, Why)
    return await decide(request, lambda tx: cancelled(tx, appointment, tx.staff(), why.reason))


async def cancel_own(request: Request) -> Response:
    appointment, why = path_id(request), query(request, Why)
    return await decide(request, lambda tx: cancelled(tx, appointment, tx.as_customer(), why.reason))


async def release(request: Request) -> Response:
    """Give a hold up."""
    appointment = path_id(request)
    return await decide(request, lambda tx: released(tx, appointment))


STATES = {
    "confirm": Status.CONFIRMED,
    "complete": Status.COMPLETED,
    "no-show": Status.NO_SHOW,
    "decline": Status.CANCELLED,
}


def becoming(status: Status) -> Handler:
    """Return the handler by which staff bring an appointment into a state."""

    async def become(request: Request) -> Response:
        appointment, why = path_id(request), await read(request, Why)

        def work(tx: Tx) -> Message:
            tx.staff()
            return made_state(tx, appointment, status, why.reason)

        return await decide(request, work, body=why)

    return become


async def mine(request: Request) -> Response:
    page = query(request, AppointmentPage)
    return _paged(await looked(request, lambda connection, who: lists.mine(connection, who, _longer(page))), page)


async def everybodys(request: Request) -> Response:
    page = query(request, AppointmentPage)
    return _paged(await looked(request, lambda connection, who: lists.all_of(connection, who, _longer(page))), page)


def _longer(page: AppointmentPage) -> AppointmentPage:
    """Return the page with one row more, which tells whether there is a next one."""
    return msgspec.structs.replace(page, limit=page.limit + 1)


def _paged(rows: Sequence[Appointment], page: AppointmentPage) -> Response:
    response = ok(rows[: page.limit])
    if len(rows) > page.limit:
        last = rows[page.limit - 1]
        position = AppointmentPage(after_at=last.starts_at, after_id=last.id)
        response.headers[NEXT_HEADER] = msgspec.json.encode(position).decode()
    return response


async def one(request: Request) -> Response:
    appointment = path_id(request)
    return await look(request, lambda connection, who: lists.one_of(connection, who, appointment) or _missing())


async def history(request: Request) -> Response:
    appointment = path_id(request)
    return await look(request, lambda connection, who: lists.history(connection, who, appointment) or _missing())


def _missing() -> object:
    raise NotFound("There is no such appointment.")


ONE, OWN = "/appointments/{id:int}", "/appointments/mine/{id:int}"

routes: list[BaseRoute] = [
    operation("POST", "/appointments", book, LOGIC, "Book", body=AppointmentRequest, answer=Created, status=201),
    operation("GET", "/appointments", everybodys, LOGIC, "List everybody's", query=AppointmentPage),
    operation("GET", "/appointments/mine", mine, LOGIC, "List the actor's", query=AppointmentPage),
    operation("PUT", OWN, move_own, LOGIC, "Move one's own", body=Move, answer=Message),
    operation("DELETE", OWN, cancel_own, LOGIC, "Cancel one's own", answer=Message),
    operation("GET", ONE, one, LOGIC, "Read one"),
    operation("PUT", ONE, move, LOGIC, "Move", body=Move, answer=Message),
    operation("DELETE", ONE, cancel, LOGIC, "Cancel", answer=Message),
    operation("GET", ONE + "/history", history, LOGIC, "What happened to it", answer=list[Event]),
    *(
        operation("POST", f"{ONE}/{name}", becoming(status), LOGIC, f"Staff: {name}", body=Why, answer=Message)
        for name, status in STATES.items()
    ),
    operation("POST", "/holds", hold, LOGIC, "Hold a time", body=HoldRequest, answer=Held, status=201),
    operation("DELETE", "/holds/{id:int}", release, LOGIC, "Release a hold", answer=Message),
]
