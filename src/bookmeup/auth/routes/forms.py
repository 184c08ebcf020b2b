"""The pages' forms: they set the cookies, or send back to the page with what was wrong. The pages are logic's."""

import re
import time
from urllib.parse import urlencode

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from bookmeup.auth import sign_in
from bookmeup.clients.db import decoded
from bookmeup.errors import Refusal, Unauthenticated, Unavailable
from bookmeup.schemas.users import Login, Registration, Session
from bookmeup.web.cookies import ACCESS_COOKIE, ALIVE_SECONDS, SESSION_COOKIE, Cookies
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.reading import read_form
from bookmeup.web.same_origin import same_origin
from bookmeup.web.tokens import ISSUER, PAGE_SESSION, SessionClaims, kid_of, verify

_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


class Next(Struct):
    next: str = "/"


class SignInForm(Login):
    next: str = "/"


class SignUpForm(Registration):
    next: str = "/"


async def enter(request: Request) -> Response:
    same_origin(request)
    try:
        form = await read_form(request, SignInForm)
        session = await sign_in.sign_in(request, Login(form.email, form.password), ALIVE_SECONDS)
    except Refusal as refusal:
        return await _back(request, "/sign-in", refusal)
    return _signed_in(request, session, form.next)


async def sign_up(request: Request) -> Response:
    same_origin(request)
    try:
        form = await read_form(request, SignUpForm)
        await sign_in.register(request, Registration(form.name, form.email, form.password))
        session = await sign_in.sign_in(request, Login(form.email, form.password), ALIVE_SECONDS)
    except Refusal as refusal:
        return await _back(request, "/sign-up", refusal)
    return _signed_in(request, session, form.next)


async def leave(request: Request) -> Response:
    """End the session, and drop the cookies even where it has ended before."""
    same_origin(request)
    cookies = _cookies(request)
    response = RedirectResponse("/", 303)
    try:
        claims = await _session_claims(request)
        path = f"/users/{claims.sub}/sessions/{claims.sid}"
        await request.app.state.db.on_behalf(request).delete(path)
    except Unauthenticated:
        pass
    except Unavailable as refusal:  # a person reads this, and tries again
        return _later(refusal)
    for name in (ACCESS_COOKIE, SESSION_COOKIE):
        cookies.drop(response, name)
    return response


async def renew(request: Request) -> Response:
    """Give a page session that is alive a new access token, and go on to where the browser wanted."""
    wanted = local(request.query_params.get("next", "/"))
    try:
        claims = await _session_claims(request)
        reply = await request.app.state.db.on_behalf(request).get(f"/users/{claims.sub}/sessions/{claims.sid}")
    except Unavailable as refusal:
        return _later(refusal)
    except Unauthenticated:
        response: Response = RedirectResponse("/sign-in?" + urlencode({"next": wanted}), 303)
        for name in (ACCESS_COOKIE, SESSION_COOKIE):
            _cookies(request).drop(response, name)
        return response
    return _signed_in(request, decoded(reply, Session), wanted, expires=claims.exp)


def _later(refusal: Refusal) -> Response:
    return PlainTextResponse(str(refusal), refusal.status, dict(refusal.headers))


def local(wanted: str) -> str:
    """Return the path to go to; anything but a path of this site is the first page."""
    return wanted if _LOCAL.fullmatch(wanted) else "/"


def _signed_in(request: Request, session: Session, wanted: str, expires: int | None = None) -> Response:
    response = RedirectResponse(local(wanted), 303)
    cookies = _cookies(request)
    cookies.set(response, ACCESS_COOKIE, sign_in.access_token(request, session))
    ends = expires or int(time.time()) + PAGE_SESSION.life
    cookies.set(response, SESSION_COOKIE, sign_in.page_token(request, session, ends))
    return response


async def _back(request: Request, page: str, refusal: Refusal) -> Response:
    """Return to the page with the refusal's code, and with what was typed but for the password."""
    form = await request.form()
    typed = {name: str(form[name])[:300] for name in ("email", "name", "next") if form.get(name)}
    problem = {"problem": refusal.code, "fields": ",".join(f.pointer.strip("/") for f in refusal.faults)}
    return RedirectResponse(f"{page}?{urlencode(typed | problem)}", 303)


async def _session_claims(request: Request) -> SessionClaims:
    token = _cookies(request).read(request, SESSION_COOKIE)
    if not token:
        raise Unauthenticated
    keys = await request.app.state.keys.keys(kid_of(token))
    return verify(token, PAGE_SESSION, SessionClaims, keys, [ISSUER])


def _cookies(request: Request) -> Cookies:
    found: Cookies = request.app.state.cookies
    return found


routes: list[BaseRoute] = [
    operation("POST", "/auth/sign-in", enter, ANYONE, "The sign-in form", hidden=True),
    operation("POST", "/auth/sign-up", sign_up, ANYONE, "The sign-up form", hidden=True),
    operation("POST", "/auth/sign-out", leave, ANYONE, "The sign-out button", hidden=True),
    operation("GET", "/auth/renew", renew, ANYONE, "Renew a page session", hidden=True),
]
