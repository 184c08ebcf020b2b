"""Pages as answers: a template, what every page shows, and the headers that keep foreign code out."""

import contextlib
from datetime import date
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bookmeup.errors import Unavailable
from bookmeup.pages import assets
from bookmeup.pages.site import site
from bookmeup.schemas.business import Location
from bookmeup.web.principal import Principal

# `data:` is for the arrows and ticks in Pico's style sheet. `same-origin`, because a browser that is told to send no
# referrer sends no origin with a form either.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Vary": "Cookie",
}


def in_words(day: date) -> str:
    """Return `Monday, 1 March 2027`."""
    return f"{day:%A}, {day.day} {day:%B} {day.year}"


def link(path: str, **query: object) -> str:
    """Return a path with its query; what is None or empty is left out."""
    pairs = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(link=link, static=assets.url)
    environment.filters.update(in_words=in_words)
    return environment


_TEMPLATES = _environment()


def visitor(request: Request) -> Principal | None:
    """Return who is signed in, if anybody is."""
    found: Principal | None = request.scope["state"].get("principal")
    return found


def here(request: Request) -> str:
    """Return where the visitor is, to come back to."""
    path, asked = request.url.path, request.url.query
    return f"{path}?{asked}" if asked else path


async def show(request: Request, template: str, *, status: int = 200, **values: object) -> Response:
    """Answer with a page; its frame does without db."""
    place = site(request).location.last
    with contextlib.suppress(Unavailable):
        place = await site(request).location.read()
    return framed(request, template, place, status=status, **values)


def framed(request: Request, template: str, place: Location | None, *, status: int = 200, **values: object) -> Response:
    who = visitor(request)
    text = _TEMPLATES.get_template(template).render(
        place=place,
        business=place.name if place else "BookMeUp",
        visitor=who,
        csrf=site(request).csrf.token(who.sid) if who else "",
        here=here(request),
        **values,
    )
    return HTMLResponse(text, status, HEADERS)


def go(path: str, **query: object) -> Response:
    return RedirectResponse(link(path, **query), 303)
