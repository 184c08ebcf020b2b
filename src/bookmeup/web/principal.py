"""Who is behind a request to a public role: the user of a verified access token."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from joserfc.jwk import ECKey
from starlette.requests import Request

from bookmeup.domain.users import UserRole
from bookmeup.errors import Refusal, RoleNotAllowed, Unauthenticated
from bookmeup.web.tokens import ACCESS, ISSUER, AccessClaims, kid_of, verify


@dataclass(frozen=True, slots=True)
class Principal:
    """A user as his token says; the role in it may only refuse early."""

    user_id: int
    sid: str
    role: UserRole
    name: str
    email: str


Verifier = Callable[[str], Awaitable[AccessClaims]]


class SignedIn:
    """Lets in who bears an access token of one of these roles."""

    security: str | None = "bearer"

    def __init__(self, *roles: UserRole) -> None:
        self._roles = frozenset(roles or UserRole)
        self.refusals: Sequence[type[Refusal]] = (
            (Unauthenticated,) if self._roles == frozenset(UserRole) else (Unauthenticated, RoleNotAllowed)
        )

    async def __call__(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated
        found = principal_of(await request.app.state.verifier(token.strip()))
        if found.role not in self._roles:
            raise RoleNotAllowed
        request.state.principal = found


SIGNED_IN = SignedIn()
STAFF = SignedIn(UserRole.STAFF, UserRole.ADMIN)
ADMIN = SignedIn(UserRole.ADMIN)


def principal_of(claims: AccessClaims) -> Principal:
    return Principal(int(claims.sub), claims.sid, claims.role, claims.name, claims.email)


def principal(request: Request) -> Principal:
    """Return the user whom the route's access let in."""
    found: Principal = request.state.principal
    return found


class KeySource(Protocol):
    async def keys(self, kid: str) -> Mapping[str, ECKey]:
        """Return the keys that may be known by now, this one among them if it exists."""


def verifier(source: KeySource) -> Verifier:
    """Return what checks an access token against auth's published keys."""

    async def check(token: str) -> AccessClaims:
        return verify(token, ACCESS, AccessClaims, await source.keys(kid_of(token)), [ISSUER])

    return check
