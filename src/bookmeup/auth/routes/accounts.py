"""The API of accounts: registration, sign-in and sign-out, users and their roles, published keys."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from bookmeup.auth import sign_in
from bookmeup.clients.db import Db
from bookmeup.domain.users import UserRole
from bookmeup.errors import Conflict, EmailTaken, NotFound, RoleNotAllowed, TooManyRequests, WrongCredentials
from bookmeup.schemas.answers import Message
from bookmeup.schemas.appointments import Page
from bookmeup.schemas.users import Login, Registration, RoleChange, SignedIn, User
from bookmeup.web.answers import ok, passed_on
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.paging import UNPAGED, link
from bookmeup.web.principal import ADMIN, SIGNED_IN, principal
from bookmeup.web.reading import path_id, query, read
from bookmeup.web.tokens import ACCESS

LISTED = "users"


class JwkSet(Struct):
    keys: list[dict[str, str]]


class After(Struct):
    """Where a page of users starts."""

    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class UsersWanted(After):
    limit: int = UNPAGED


async def register(request: Request) -> Response:
    wanted = await read(request, Registration)
    if wanted.role is not None and wanted.role != UserRole.CUSTOMER:
        raise RoleNotAllowed("Nobody gives himself a role.")
    await sign_in.register(request, wanted)
    return ok(Message("User registered."), 201)


async def login(request: Request) -> Response:
    session = await sign_in.sign_in(request, await read(request, Login), ACCESS.life)
    return ok(SignedIn(sign_in.access_token(request, session), session.user))


async def logout(request: Request) -> Response:
    who = principal(request)
    await db(request).on_behalf(request).delete(f"/users/{who.user_id}/sessions/{who.sid}")
    return ok(Message("Logged out."))


async def users(request: Request) -> Response:
    page = query(request, Page)
    cursors = request.app.state.cursors
    start = After() if page.cursor is None else cursors.read(LISTED, page.cursor, After)
    limit = page.limit or UNPAGED
    reply = await db(request).on_behalf(request).get("/users", UsersWanted(start.after, limit + 1))
    found = msgspec.json.decode(reply.body, type=list[User])
    more = msgspec.json.encode(After(found[limit - 1].id)).decode() if len(found) > limit else None
    response = ok(found[:limit])
    response.headers.update(link(request, cursors, LISTED, more, page.limit))
    return response


async def set_role(request: Request) -> Response:
    user, change = path_id(request), await read(request, RoleChange)
    reply = await db(request).on_behalf(request).put(f"/users/{user}/role", change)
    return passed_on(reply.status, reply.body)


async def jwks(request: Request) -> Response:
    response = ok(await request.app.state.keys.jwks())
    response.headers["Cache-Control"] = "public, max-age=2"
    return response


async def health(_request: Request) -> Response:
    return PlainTextResponse("auth-service is healthy")


def db(request: Request) -> Db:
    found: Db = request.app.state.db
    return found


routes: list[BaseRoute] = [
    operation("GET", "/auth/health", health, ANYONE, "Is auth there", answer=str),
    operation("POST", "/auth/register", register, ANYONE, "Register as a customer", body=Registration, answer=Message,
              status=201, refusals=(EmailTaken, RoleNotAllowed, TooManyRequests), creates=True),
    operation("POST", "/auth/login", login, ANYONE, "Sign in", body=Login, answer=SignedIn,
              refusals=(WrongCredentials, TooManyRequests)),
    operation("DELETE", "/auth/logout", logout, SIGNED_IN, "Sign out: the token stops working", answer=Message),
    operation("GET", "/auth/users", users, ADMIN, "List users", query=Page, answer=list[User]),
    operation("PUT", "/auth/users/{id:int}/role", set_role, ADMIN, "Set a user's role", body=RoleChange, answer=Message,
              refusals=(NotFound, Conflict)),
    operation("GET", "/auth/.well-known/jwks.json", jwks, ANYONE, "Keys to check tokens with", answer=JwkSet),
]  # fmt: skip
