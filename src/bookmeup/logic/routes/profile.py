"""Oneself, and whether logic is there."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

import bookmeup
from bookmeup.errors import EmailTaken
from bookmeup.logic.routes.appointments import db
from bookmeup.schemas.answers import Health, Message
from bookmeup.schemas.users import ProfileChange, StoredProfile, User
from bookmeup.web.answers import ok, passed_on
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.principal import SIGNED_IN
from bookmeup.web.reading import read


async def profile(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/users/me")
    return passed_on(reply.status, reply.body)


async def change(request: Request) -> Response:
    """Hash a new password here: db stores what it is given, and never hands a hash to logic."""
    wanted = await read(request, ProfileChange)
    hashed: str | msgspec.UnsetType = msgspec.UNSET
    if wanted.password is not msgspec.UNSET:
        hashed = await request.app.state.passwords.hash(wanted.password)
    reply = await db(request).on_behalf(request).put("/users/me", StoredProfile(wanted.name, wanted.email, hashed))
    return passed_on(reply.status, reply.body)


async def health(_request: Request) -> Response:
    return ok(Health("healthy", "logic", bookmeup.__version__))


routes: list[BaseRoute] = [
    operation("GET", "/health", health, ANYONE, "Is logic there", answer=Health),
    operation("GET", "/profile", profile, SIGNED_IN, "Oneself", answer=User),
    operation("PUT", "/profile", change, SIGNED_IN, "Change oneself", body=ProfileChange, answer=Message,
              refusals=(EmailTaken,)),
]  # fmt: skip
