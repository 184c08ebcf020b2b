"""Booking, moving and cancelling: lock, read, apply the rule, write; and the lists."""

from collections.abc import Sequence
from datetime import date

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.clients.headers import NEXT_HEADER
from bookmeup.db.callers import Callers
from bookmeup.db.decide import decide, look, looked
from bookmeup.db.queries import appointments as stored
from bookmeup.db.queries.audit import record
from bookmeup.db.queries.calendar import LOCK_CANDIDATES, Planner, ProviderTime, plan, terms_of
from bookmeup.db.transactions import Tx
from bookmeup.domain.appointments import Actor, Candidate, changeable, least_booked
from bookmeup.domain.clock import instant
from bookmeup.domain.slots import Terms, check, offered, why_not
from bookmeup.domain.users import UserRole
from bookmeup.errors import NoSuchTime, NotFound, ProviderDoesNot, Refusal, SlotTaken, Stale, UnknownReference
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import Appointment, AppointmentPage, AppointmentRequest, Move, Slots, SlotsQuery
from bookmeup.schemas.text import clock_text, minute
from bookmeup.schemas.users import Customer
from bookmeup.web.answers import ok
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_id, query, read

LOGIC = Callers("logic")


async def book(request: Request) -> Response:
    order = await read(request, AppointmentRequest)
    return await decide(request, lambda tx: booked(tx, order), status=201, body=order)


def booked(tx: Tx, order: AppointmentRequest) -> Created:
    """Lock who could take it, so that losers wait in line, then read, choose and insert."""
    customer = _customer(tx, order)
    tx.soon(LOCK_CANDIDATES, service=order.service_id, provider=order.provider_id)
    planner = plan(tx.connection, order.service_id, order.provider_id, order.date)
    if planner.service is None:
        raise UnknownReference("There is no such service.")
    terms = terms_of(planner.service)
    start = _start(planner, order.date, order.time)
    provider = _chosen(planner, order, start, terms)
    made = stored.insert(tx, order.service_id, provider, start, planner.service, terms, customer)
    return Created("Appointment booked.", made)


def _customer(tx: Tx, order: AppointmentRequest) -> Customer | int:
    """Return for whom it is: staff book for others, anybody else for himself."""
    if not tx.actor.role.is_staff:
        return tx.actor.id
    return order.customer or order.user_id or tx.actor.id


def _start(planner: Planner, day: date, time: str) -> int:
    start = instant(day, minute(time), planner.zone)
    if start is None:
        raise NoSuchTime
    return start


def _chosen(planner: Planner, order: AppointmentRequest, start: int, terms: Terms) -> int:
    """Return the provider who is free then and has the least booked that day."""
    if not planner.providers:
        raise ProviderDoesNot
    day = planner.day_span(order.date)
    refusals: list[Refusal] = []
    free: list[Candidate] = []
    for provider in planner.providers:
        refusal = why_not(start, order.date, provider.calendar, terms, planner.zone, planner.now)
        if refusal is None:
            free.append(Candidate(provider.id, provider.booked_within(*day)))
        else:
            refusals.append(refusal)
    if free:
        return least_booked(free).provider_id
    raise next((refusal for refusal in refusals if isinstance(refusal, SlotTaken)), refusals[0])


async def move(request: Request) -> Response:
    change, appointment = await read(request, Move), path_id(request)
    return await decide(request, lambda tx: moved(tx, appointment, change), body=change)


async def move_own(request: Request) -> Response:
    change, appointment = await read(request, Move), path_id(request)
    return await decide(request, lambda tx: moved(tx, appointment, change, own=True), body=change)


def moved(tx: Tx, appointment_id: int, change: Move, *, own: bool = False) -> Message:
    """Move in one step, with the same provider and what was frozen; the appointment keeps its id."""
    stored.lock_provider_of(tx, appointment_id)
    found = stored.find(tx, appointment_id)
    appointment = changeable(found[0] if found else None, _as_customer(tx) if own else tx.staff(), tx.now)
    assert found is not None
    row = found[1]
    _current(tx, row.version)
    planner = plan(tx.connection, row.service_id, row.provider_id, change.date, kept=row.occurrence_id)
    start = _start(planner, change.date, change.time)
    terms = _frozen(planner, row.duration, row.buffer_before, row.buffer_after)
    check(start, change.date, _provider(planner).calendar, terms, planner.zone, planner.now)
    stored.move(tx, appointment.id, start, terms)
    record(tx, "moved", "appointment", appointment.id)
    return Message("Appointment moved.")


def _as_customer(tx: Tx) -> Actor:
    """Return the actor with a customer's rights: on the routes of one's own, staff are customers too."""
    return tx.actor._replace(role=UserRole.CUSTOMER)


def _frozen(planner: Planner, duration: int, before: int, after: int) -> Terms:
    """Return the service's terms with the lengths that were promised."""
    assert planner.service is not None
    terms = terms_of(planner.service)
    return terms._replace(duration=duration * 60, buffer_before=before * 60, buffer_after=after * 60)


def _provider(planner: Planner) -> ProviderTime:
    if not planner.providers:
        raise ProviderDoesNot("The provider of this appointment does not perform the service any more.")
    return planner.providers[0]


def _current(tx: Tx, version: int) -> None:
    """Refuse a change of what somebody else has changed meanwhile, where the client asks for that."""
    wanted = tx.caller.if_match
    if wanted is not None and not {"*", etag(version)} & {tag.strip() for tag in wanted.split(",")}:
        raise Stale


def etag(version: int) -> str:
    return f'"v{version}"'


async def cancel(request: Request) -> Response:
    appointment = path_id(request)
    return await decide(request, lambda tx: cancelled(tx, appointment))


async def cancel_own(request: Request) -> Response:
    appointment = path_id(request)
    return await decide(request, lambda tx: cancelled(tx, appointment, own=True))


def cancelled(tx: Tx, appointment_id: int, *, own: bool = False) -> Message:
    stored.lock_provider_of(tx, appointment_id)
    found = stored.find(tx, appointment_id)
    appointment = changeable(found[0] if found else None, _as_customer(tx) if own else tx.staff(), tx.now)
    assert found is not None
    _current(tx, found[1].version)
    stored.cancel(tx, appointment.id)
    record(tx, "cancelled", "appointment", appointment.id)
    return Message("Appointment cancelled.")


async def mine(request: Request) -> Response:
    page = query(request, AppointmentPage)
    return _paged(await looked(request, lambda connection, who: stored.mine(connection, who, _longer(page))), page)


async def everybodys(request: Request) -> Response:
    page = query(request, AppointmentPage)
    return _paged(await looked(request, lambda connection, who: stored.all_of(connection, who, _longer(page))), page)


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
    return await look(request, lambda connection, who: stored.one_of(connection, who, appointment) or _missing())


def _missing() -> object:
    raise NotFound("There is no such appointment.")


async def slots(request: Request) -> Response:
    asked = query(request, SlotsQuery)
    return await look(
        request,
        lambda connection, _: free_times(plan(connection, asked.service_id, asked.provider_id, asked.date), asked),
    )


def free_times(planner: Planner, asked: SlotsQuery) -> Slots:
    """Return the starts that at least one provider offers."""
    if planner.service is None:
        raise NotFound("There is no such service.")
    terms, zone = terms_of(planner.service), planner.zone
    minutes = {
        wall
        for provider in planner.providers
        for wall, _ in offered(asked.date, provider.calendar, terms, zone, planner.now)
    }
    return Slots([clock_text(wall) for wall in sorted(minutes)])


routes: list[BaseRoute] = [
    operation("POST", "/appointments", book, LOGIC, "Book", body=AppointmentRequest, answer=Created, status=201),
    operation("GET", "/appointments", everybodys, LOGIC, "List everybody's", query=AppointmentPage),
    operation("GET", "/appointments/mine", mine, LOGIC, "List the actor's", query=AppointmentPage),
    operation("GET", "/appointments/{id:int}", one, LOGIC, "Read one"),
    operation("PUT", "/appointments/{id:int}", move, LOGIC, "Move", body=Move, answer=Message),
    operation("DELETE", "/appointments/{id:int}", cancel, LOGIC, "Cancel", answer=Message),
    operation("PUT", "/appointments/mine/{id:int}", move_own, LOGIC, "Move one's own", body=Move, answer=Message),
    operation("DELETE", "/appointments/mine/{id:int}", cancel_own, LOGIC, "Cancel one's own", answer=Message),
    operation("GET", "/slots", slots, LOGIC, "Offered starts of a day", query=SlotsQuery, answer=Slots),
]
