"""Accounts: registration, sign-in, profile, roles, sessions and the keys that sign tokens."""

import uuid

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.db.callers import Callers
from bookmeup.db.decide import decide, look
from bookmeup.db.queries import signing_keys
from bookmeup.db.queries import users as stored
from bookmeup.db.queries.audit import record
from bookmeup.db.queries.rate_limits import LOGIN, REGISTER, limit
from bookmeup.db.transactions import Tx
from bookmeup.domain.users import UserRole
from bookmeup.errors import Conflict, NotFound, RoleNotAllowed, Unauthenticated
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.users import (
    Credentials,
    LoginAttempt,
    NewPassword,
    NewSession,
    NewSigningKey,
    NewUser,
    RegistrationAttempt,
    RoleChange,
    Session,
    SigningKey,
    StoredProfile,
    User,
)
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_id, query, read

AUTH, LOGIC = Callers("auth"), Callers("logic")


class UserPage(Struct):
    """Users with an id above `after`."""

    after: int = 0
    limit: int = 50


class SignedUp(Struct):
    """What makes two registrations the same: the hash differs each time."""

    name: str
    email: str
    role: UserRole


async def attempt_registration(request: Request) -> Response:
    """Count the try, before anything is hashed."""
    attempt = await read(request, RegistrationAttempt)
    limits = request.app.state.rate_limits

    def work(tx: Tx) -> Message:
        if limits:
            limit(tx, REGISTER, attempt.address)
        return Message("Counted.")

    return await decide(request, work, once=False)


async def register(request: Request) -> Response:
    user = await read(request, NewUser)
    if user.role is not UserRole.CUSTOMER:
        raise RoleNotAllowed

    def work(tx: Tx) -> Created:
        made = stored.insert(tx, user)
        record(tx, "registered", "user", made)
        return Created("User registered.", made)

    same = SignedUp(user.name, user.email, user.role)
    return await decide(request, work, status=201, body=same, scope=user.email.lower())


async def create_admin(request: Request) -> Response:
    """Make an admin: the command line's, with auth's key and nobody behind it."""
    user = await read(request, NewUser)

    def work(tx: Tx) -> Created:
        made = stored.insert(tx, user)
        record(tx, "created_admin", "user", made)
        return Created("Admin created.", made)

    return await decide(request, work, status=201, body=SignedUp(user.name, user.email, user.role))


async def set_password(request: Request) -> Response:
    wanted = await read(request, NewPassword)

    def work(tx: Tx) -> Message:
        user = stored.set_password(tx, wanted.email, wanted.password_hash)
        if user is None:
            raise NotFound("There is no user with this e-mail address.")
        stored.end_sessions(tx, user)
        record(tx, "password_set", "user", user)
        return Message("Password set.")

    return await decide(request, work, body=NewPassword(wanted.email, ""))


async def attempt_login(request: Request) -> Response:
    """Count the try, then tell what to check the password against; the answer is kept nowhere."""
    attempt = await read(request, LoginAttempt)
    limits = request.app.state.rate_limits

    def work(tx: Tx) -> Credentials:
        if limits:
            limit(tx, LOGIN, f"{attempt.email.lower()[:254]} {attempt.address}")
        return stored.credentials(tx, attempt.email)

    return await decide(request, work, once=False)


async def open_session(request: Request) -> Response:
    wanted = await read(request, NewSession)

    def work(tx: Tx) -> Session:
        session = stored.open_session(tx, wanted.user_id, wanted.lifetime)
        if session is None:
            raise Unauthenticated
        if wanted.password_hash is not None:
            stored.rehash(tx, wanted.user_id, wanted.password_hash)
        return session

    return await decide(request, work, status=201, once=False)


async def read_session(request: Request) -> Response:
    def work(tx: Tx) -> Session:
        session = stored.alive(tx, _sid(request), path_id(request, "user"))
        if session is None:
            raise Unauthenticated
        return session

    return await decide(request, work, once=False)


async def end_session(request: Request) -> Response:
    def work(tx: Tx) -> Message:
        if not stored.end_session(tx, _sid(request), path_id(request, "user")):
            raise Unauthenticated
        record(tx, "signed_out", "user", path_id(request, "user"))
        return Message("Signed out.")

    return await decide(request, work, once=False)


def _sid(request: Request) -> str:
    sid: uuid.UUID = request.path_params["sid"]
    return str(sid)


async def users(request: Request) -> Response:
    page = query(request, UserPage)
    return await look(request, lambda connection, who: stored.listed(connection, who, page.after, page.limit))


async def set_role(request: Request) -> Response:
    """Set a role; the user's sessions end, so that no token with the old role goes on."""
    user, wanted = path_id(request), await read(request, RoleChange)

    def work(tx: Tx) -> Message:
        tx.admin()
        if not stored.set_role(tx, user, wanted.role):
            raise NotFound("There is no such user.")
        if not stored.has_admin(tx):
            raise Conflict("The last admin stays one.")
        stored.end_sessions(tx, user, but=tx.caller.sid if user == tx.actor.id else None)
        record(tx, "role_set", "user", user, msgspec.json.encode({"role": wanted.role}).decode())
        return Message("Role set.")

    return await decide(request, work, body=wanted)


async def me(request: Request) -> Response:
    return await look(request, stored.me)


async def change_me(request: Request) -> Response:
    change = await read(request, StoredProfile)

    def work(tx: Tx) -> Message:
        user = tx.actor.id
        stored.change_profile(tx, user, change)
        if change.password_hash is not msgspec.UNSET:
            stored.rehash(tx, user, change.password_hash)
            stored.end_sessions(tx, user, but=tx.caller.sid)
        record(tx, "changed", "user", user)
        return Message("Profile updated.")

    return await decide(request, work, once=False)


async def keys(request: Request) -> Response:
    return await decide(request, signing_keys.published, once=False)


async def publish_key(request: Request) -> Response:
    """Publish a key, unless somebody did so since the maker looked; answer with all that are published."""
    key = await read(request, NewSigningKey)

    def work(tx: Tx) -> list[SigningKey]:
        signing_keys.lock(tx)
        if {known.kid for known in signing_keys.published(tx)} <= set(key.known):
            signing_keys.publish(tx, key, msgspec.json.encode(key.public_jwk).decode())
        return signing_keys.published(tx)

    return await decide(request, work, status=201, once=False)


SESSION = "/users/{user:int}/sessions/{sid:uuid}"

routes: list[BaseRoute] = [
    operation("POST", "/users", register, AUTH, "Register a customer", body=NewUser, answer=Created, status=201),
    operation("GET", "/users", users, AUTH, "List users", query=UserPage, answer=list[User]),
    operation("PUT", "/users/{id:int}/role", set_role, AUTH, "Set a role", body=RoleChange, answer=Message),
    operation("GET", "/users/me", me, LOGIC, "The actor", answer=User),
    operation("PUT", "/users/me", change_me, LOGIC, "Change the actor", body=StoredProfile, answer=Message),
    operation("POST", "/admins", create_admin, AUTH, "Create an admin", body=NewUser, answer=Created, status=201),
    operation("PUT", "/passwords", set_password, AUTH, "Set a password", body=NewPassword, answer=Message),
    operation(
        "POST",
        "/registration-attempts",
        attempt_registration,
        AUTH,
        "Count a try",
        body=RegistrationAttempt,
        answer=Message,
    ),
    operation("POST", "/login-attempts", attempt_login, AUTH, "Count a try", body=LoginAttempt, answer=Credentials),
    operation("POST", "/sessions", open_session, AUTH, "Open a session", body=NewSession, answer=Session, status=201),
    operation("GET", SESSION, read_session, AUTH, "A session that is alive", answer=Session),
    operation("DELETE", SESSION, end_session, AUTH, "End a session", answer=Message),
    operation("GET", "/signing-keys", keys, AUTH, "Published keys", answer=list[SigningKey]),
    operation(
        "POST",
        "/signing-keys",
        publish_key,
        AUTH,
        "Publish a key",
        body=NewSigningKey,
        answer=list[SigningKey],
        status=201,
    ),
]
