"""My appointments: seeing and cancelling them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.clients.db import decoded
from bookmeup.domain.appointments import Status
from bookmeup.errors import BY_CODE, Conflict, NotFound, RuleBroken
from bookmeup.pages.rendering import go, show
from bookmeup.pages.site import site
from bookmeup.pages.visit import interrupted, page
from bookmeup.pages.week import ends
from bookmeup.schemas.appointments import Appointment, AppointmentPage
from bookmeup.schemas.text import Id
from bookmeup.web.reading import path_id, query

BACK = timedelta(days=90)
"""How far back one's list goes."""
NOTES = {
    "booked": "Your appointment is booked.",
    "requested": "Your appointment is requested. It is yours when the business has confirmed it.",
    "already": "You have booked this time already: here it is.",
    "cancelled": "The appointment is cancelled.",
    "gone": "That appointment is not there any more. It may have been cancelled already.",
}
INTERRUPTED = "You were away for a while, so nothing was cancelled yet. Please confirm once more."


class Told(Struct):
    """What to say on top; `new` is the appointment that was just booked."""

    note: str = ""
    new: Id | None = None
    problem: str = ""


class Shown(Struct):
    """An appointment as it is read on a page."""

    id: int
    service: str
    provider: str
    date: date
    time: str
    until: str
    price: str
    over: bool
    state: str


async def mine(request: Request) -> Response:
    told = query(request, Told)
    place = await site(request).location.read()
    found = await appointments(request)
    shown = [_shown(one, place.timezone) for one in found]
    waits = any((one.id, one.status) == (told.new, Status.PENDING) for one in found)
    kind = BY_CODE.get(told.problem)
    return await show(
        request,
        "mine.html",
        coming=[one for one in shown if not one.over],
        over=[one for one in reversed(shown) if one.over],
        note=NOTES.get("requested" if waits and told.note == "booked" else told.note, ""),
        new=told.new,
        problem=kind.sentence if kind and issubclass(kind, (RuleBroken, Conflict)) else "",
    )


async def ask(request: Request) -> Response:
    """Ask whether it is to be cancelled: a link changes nothing."""
    wanted, place = path_id(request), await site(request).location.read()
    found = next((one for one in await appointments(request) if one.id == wanted), None)
    if found is None:
        return go("/my", note="gone")
    notice = INTERRUPTED if interrupted(request) else ""
    return await show(request, "cancel.html", appointment=_shown(found, place.timezone), notice=notice)


async def cancel(request: Request) -> Response:
    try:
        await site(request).db.on_behalf(request).delete(f"/appointments/mine/{path_id(request)}")
    except NotFound:
        return go("/my", note="gone")
    except RuleBroken as refusal:
        return go("/my", problem=refusal.code)
    return go("/my", note="cancelled")


async def appointments(request: Request) -> list[Appointment]:
    """Return one's own appointments that are not cancelled, by time, from three months ago on."""
    since = AppointmentPage(after_at=datetime.now(UTC) - BACK, after_id=1)
    reply = await site(request).db.on_behalf(request).get("/appointments/mine", since)
    return decoded(reply, list[Appointment])


def _shown(one: Appointment, zone: str) -> Shown:
    day = date.fromisoformat(one.date)
    return Shown(
        id=one.id,
        service=one.service.name,
        provider=one.provider.name,
        date=day,
        time=one.time,
        until=ends(day, one.time, one.duration, zone),
        price=one.price,
        over=one.ends_at <= datetime.now(UTC),
        state=_state(one, zone),
    )


def _state(one: Appointment, zone: str) -> str:
    """Return what is to be said of an appointment that is not, or not yet, what was booked; else nothing."""
    if one.status == Status.HOLD and one.expires_at is not None:
        return f"Held until {one.expires_at.astimezone(ZoneInfo(zone)):%H:%M}"
    return "Waiting for confirmation" if one.status == Status.PENDING else ""


routes: list[BaseRoute] = [
    page("GET", "/my", mine, "My appointments", private=True),
    page("GET", "/my/{id:int}/cancel", ask, "Cancel it?", private=True),
    page("POST", "/my/{id:int}/cancel", cancel, "Cancel it", private=True),
]
