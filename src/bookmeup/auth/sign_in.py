"""Signing in: the try is counted, the password verified, a session opened, tokens signed."""

import ipaddress
import time
import uuid
from typing import NamedTuple

from starlette.requests import Request

from bookmeup.clients.db import Db, decoded
from bookmeup.errors import WrongCredentials
from bookmeup.schemas.users import (
    Credentials,
    Login,
    LoginAttempt,
    NewSession,
    NewUser,
    Registration,
    RegistrationAttempt,
    Session,
)
from bookmeup.web.tokens import ACCESS, ISSUER, PAGE_SESSION, Class


class Tokens(NamedTuple):
    access: str
    page: str


async def sign_in(request: Request, login: Login, lifetime: int) -> Session:
    """Return a new session of so many seconds; an unknown user and a wrong password are the same."""
    db: Db = request.app.state.db
    call = db.on_behalf(request)
    reply = await call.post("/login-attempts", LoginAttempt(login.email, address_prefix(request)))
    found = decoded(reply, Credentials)
    passwords = request.app.state.passwords
    if not await passwords.verify(login.password, found.password_hash) or found.user is None:
        raise WrongCredentials
    fresh = None
    if found.password_hash is not None and passwords.outdated(found.password_hash):
        fresh = await passwords.hash(login.password)
    opened = await call.post("/sessions", NewSession(found.user.id, lifetime, fresh))
    return decoded(opened, Session)


async def register(request: Request, wanted: Registration) -> None:
    """Make a customer; nobody gives himself another role."""
    call = request.app.state.db.on_behalf(request)
    await call.post("/registration-attempts", RegistrationAttempt(address_prefix(request)))
    hashed = await request.app.state.passwords.hash(wanted.password)
    await call.post("/users", NewUser(wanted.name, wanted.email, hashed))


def access_token(request: Request, session: Session) -> str:
    user = session.user
    claims = _claims(ACCESS, session) | {
        "jti": uuid.uuid4().hex,
        "name": user.name,
        "email": user.email or "",
        "role": user.role.value,
    }
    signed: str = request.app.state.keys.sign(ACCESS, claims)
    return signed


def page_token(request: Request, session: Session, expires: int | None = None) -> str:
    """Return the token that renews access for as long as the page session lasts."""
    claims = _claims(PAGE_SESSION, session)
    signed: str = request.app.state.keys.sign(PAGE_SESSION, claims | ({"exp": expires} if expires else {}))
    return signed


def _claims(of: Class, session: Session) -> dict[str, object]:
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": of.audience,
        "iat": now,
        "nbf": now,
        "exp": now + of.life,
        "sub": str(session.user.id),
        "sid": session.id,
    }


def address_prefix(request: Request) -> str:
    """Return the client's network: /24 of IPv4, /56 of IPv6; what a limit counts by."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return "unknown"
    length = 24 if address.version == 4 else 56  # noqa: PLR2004 - versions of IP
    return str(ipaddress.ip_network((address, length), strict=False))
