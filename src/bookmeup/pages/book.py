"""Choosing a day and a time, looking at the choice once more, and booking it."""

import secrets
from urllib.parse import urlencode

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.clients.db import decoded
from bookmeup.errors import BY_CODE, KeyInFlight, Refusal, RuleBroken, SlotTaken, Unavailable
from bookmeup.pages.mine import appointments
from bookmeup.pages.rendering import go, show
from bookmeup.pages.site import site
from bookmeup.pages.visit import interrupted, page
from bookmeup.pages.week import bounds, ends, free_times, week_of
from bookmeup.schemas.answers import Created
from bookmeup.schemas.appointments import AppointmentRequest, Dated, Day
from bookmeup.schemas.business import Provider
from bookmeup.schemas.services import Service
from bookmeup.schemas.text import ClockTime, Id, IdempotencyKey
from bookmeup.web.reading import path_id, query, read_form

CHOOSE, CONFIRM = "/book/{id:int}", "/book/{id:int}/confirm"
AGAIN = "This could not be done right now. Try again: you will not be booked twice."
INTERRUPTED = "You were away for a while, so nothing was booked yet. Please confirm once more."


class Choice(Struct):
    """A day, or a week by any of its days; `problem` is why a time could not be booked."""

    date: Day | None = None
    week: Day | None = None
    provider: Id | None = None
    problem: str = ""


class Order(Dated):
    """A time of the service in the path."""

    time: ClockTime
    provider: Id | None = None


class Keyed(Struct):
    """Made with the form, so that sending it twice books once."""

    key: IdempotencyKey


async def choose(request: Request) -> Response:
    choice, service = query(_filled(request), Choice), await site(request).service(path_id(request))
    place = await site(request).location.read()
    performers = await site(request).performers(service.id, choice.provider)
    chosen = _provider(performers, choice.provider)
    week = await week_of(
        request,
        service,
        chosen.id if chosen else None,
        bounds(service, place.timezone),
        day=choice.date,
        week=choice.week,
    )
    return await show(
        request,
        "book.html",
        service=service,
        week=week,
        performers=performers,
        provider=chosen,
        problem=_why(choice.problem),
    )


def _filled(request: Request) -> Request:
    """Return the request without the empty fields that a browser sends of a form: they mean "any"."""
    filled = [(name, value) for name, value in request.query_params.multi_items() if value]
    return Request({**request.scope, "query_string": urlencode(filled).encode()})


async def confirm(request: Request) -> Response:
    order, service = query(request, Order), await site(request).service(path_id(request))
    call = site(request).db.on_behalf(request)
    if order.time not in await free_times(call, service.id, order.provider, order.date):
        return await _not_free(request, service, order)
    return await _shown(request, service, order, notice=INTERRUPTED if interrupted(request) else "")


async def _not_free(request: Request, service: Service, order: Order) -> Response:
    """Send back to choose; whoever comes back to a time that is his own by now is shown that he has it."""
    own = (one for one in await appointments(request) if one.service.id == service.id)
    if any((one.date, one.time) == (order.date.isoformat(), order.time) for one in own):
        return go("/my", note="already")
    return _choose_again(service, order, SlotTaken.code)


async def book(request: Request) -> Response:
    order, form = query(request, Order), await read_form(request, Keyed)
    service = await site(request).service(path_id(request))
    wanted = AppointmentRequest(order.date, service_id=service.id, time=order.time, provider_id=order.provider)
    try:
        reply = (
            await site(request)
            .db.on_behalf(with_header(request, "idempotency-key", form.key))
            .post("/appointments", wanted)
        )
    except (SlotTaken, RuleBroken) as refusal:
        return _choose_again(service, order, refusal.code)
    except (Unavailable, KeyInFlight) as refusal:
        return await _shown(request, service, order, key=form.key, refusal=refusal)
    return go("/my", note="booked", new=decoded(reply, Created).object_id)


def with_header(request: Request, name: str, value: str) -> Request:
    """Return the request as if its client had sent a header that a form can only send as a field."""
    return Request({**request.scope, "headers": [*request.scope["headers"], (name.encode(), value.encode())]})


async def _shown(
    request: Request, service: Service, order: Order, *, key: str = "", notice: str = "", refusal: Refusal | None = None
) -> Response:
    """Show what is about to be booked. The key stays the same where the outcome of the first try is not known."""
    place = await site(request).location.read()
    performers = await site(request).performers(service.id, order.provider)
    response = await show(
        request, "confirm.html", status=refusal.status if refusal else 200, service=service, order=order,
        until=ends(order.date, order.time, service.duration, place.timezone),
        provider=_provider(performers, order.provider), key=key or secrets.token_urlsafe(18),
        notice=AGAIN if refusal else notice, bad=refusal is not None,
    )  # fmt: skip
    response.headers.update(refusal.headers if refusal else {})
    return response


def _choose_again(service: Service, order: Order, code: str) -> Response:
    return go(f"/book/{service.id}", date=order.date, provider=order.provider, problem=code)


def _why(code: str) -> str:
    """Return the sentence of a refusal that booking gives; nothing else of a link's text is shown as ours."""
    kind = BY_CODE.get(code)
    if kind is None or not issubclass(kind, (SlotTaken, RuleBroken)):
        return ""
    return "Somebody else was faster: this time has just been taken." if kind is SlotTaken else kind.sentence


def _provider(performers: list[Provider], wanted: int | None) -> Provider | None:
    return next((one for one in performers if one.id == wanted), None)


routes: list[BaseRoute] = [
    page("GET", CHOOSE, choose, "Free times of a service"),
    page("GET", CONFIRM, confirm, "Look at the choice once more", private=True),
    page("POST", CONFIRM, book, "Book", private=True),
]
