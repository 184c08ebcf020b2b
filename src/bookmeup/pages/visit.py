"""A page's way in: who the cookie says it is, renewed where it has run out, and forms that are really ours."""

import time
from urllib.parse import urlencode

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bookmeup.errors import Forbidden, Unauthenticated
from bookmeup.pages.rendering import here, visitor
from bookmeup.pages.site import site
from bookmeup.web.cookies import ACCESS_COOKIE, SESSION_COOKIE
from bookmeup.web.operations import ANYONE, Handler, operation
from bookmeup.web.principal import principal_of
from bookmeup.web.reading import read_form
from bookmeup.web.same_origin import same_origin

LONG_ENOUGH = 600
"""Seconds that a token has left at least when a form is shown: so long may a person take to send it."""
MARK, MARK_SECONDS = "bookmeup-renewing", 15
"""A cookie that says that a renewal was tried just now: it is not tried again, so that no two pages send in circles."""


class Signed(Struct):
    """What every form of ours has."""

    csrf: str = ""


def page(method: str, path: str, handler: Handler, summary: str, *, private: bool = False) -> Route:
    """Return the route of a page; a private one is for those who are signed in, others are sent to sign in first."""

    async def visited(request: Request) -> Response:
        request.state.page = True
        try:
            if not await _recognised(request, private=private):
                return _elsewhere(request)
            if method == "POST":
                await _ours(request)
            return await handler(request)
        except Unauthenticated:  # db says that the session has ended
            return _elsewhere(request)

    visited.__name__ = handler.__name__
    return operation(method, path, visited, ANYONE, summary, hidden=True)


def interrupted(request: Request) -> bool:
    """Whether a form was sent with a token that had run out: the page is shown again instead of doing it."""
    return request.cookies.get(MARK) == "POST" and request.method == "GET"


async def _recognised(request: Request, *, private: bool) -> bool:
    """Put the user of the cookie into the request; return False where the visitor has to take another way first."""
    token = site(request).cookies.read(request, ACCESS_COOKIE)
    if token is None:
        return not private
    try:
        claims = await request.app.state.verifier(token)
    except Unauthenticated:
        return not private and not _may_renew(request)
    request.state.principal = principal_of(claims)
    shown_with_form = private and request.method != "POST"
    return not (shown_with_form and claims.exp - time.time() < LONG_ENOUGH and _may_renew(request))


def _may_renew(request: Request) -> bool:
    return site(request).cookies.read(request, SESSION_COOKIE) is not None and MARK not in request.cookies


def _elsewhere(request: Request) -> Response:
    """Send to renew the session or else to sign in, and then back here."""
    back = urlencode({"next": here(request)})
    if not _may_renew(request):
        return RedirectResponse(f"/sign-in?{back}", 303)
    response = RedirectResponse(f"/auth/renew?{back}", 303)
    response.set_cookie(MARK, request.method, MARK_SECONDS, path="/", httponly=True, samesite="lax")
    return response


async def _ours(request: Request) -> None:
    """Refuse a form that another site made, or that was shown to another session."""
    same_origin(request)
    form, who = await read_form(request, Signed), visitor(request)
    if who is None or not site(request).csrf.holds(who.sid, form.csrf):
        raise Forbidden("This form is out of date. Go back, load the page again and send it once more.")
