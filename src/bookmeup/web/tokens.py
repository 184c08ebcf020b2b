"""The one place that checks a token, be it a user's (ES256, RFC 9068) or a service's (HS256).

The algorithm, the type and the lifetime are those of the token's class; its header chooses nothing but the key, by a
`kid` that is looked up in memory.
"""

import base64
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey
from msgspec import Meta, Struct

from bookmeup.domain.users import UserRole
from bookmeup.errors import Unauthenticated

ISSUER = "bookmeup/auth"
LONGEST = 8192
LEEWAY = 5
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEADER = frozenset({"alg", "typ", "kid"})


@dataclass(frozen=True, slots=True)
class Class:
    """What all tokens of one kind have in common; `life` in seconds."""

    typ: str
    alg: str
    audience: str
    life: int


ACCESS = Class("at+jwt", "ES256", "bookmeup", 900)
PAGE_SESSION = Class("page+jwt", "ES256", "bookmeup/auth/renew", 12 * 3600)
SERVICE = Class("svc+jwt", "HS256", "db", 60)


UserId = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,17}\Z")]
SessionId = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]


class Claims(Struct, kw_only=True):
    """What every token says of itself; times in whole seconds since 1970."""

    iss: str
    aud: str
    iat: int
    nbf: int
    exp: int


class AccessClaims(Claims):
    """`name`, `email` and `role` are for old clients; a role here may only refuse early."""

    sub: UserId
    sid: SessionId
    jti: str
    name: str
    email: str
    role: UserRole


class SessionClaims(Claims):
    sub: UserId
    sid: SessionId


class ServiceClaims(Claims):
    """`sub` and `sid` name the user on whose behalf the service calls."""

    sub: UserId | None = None
    sid: SessionId | None = None


C = TypeVar("C", bound=Claims)


class Authentic(NamedTuple):
    """A token whose signature was checked, and with which key."""

    of: Class
    kid: str
    key: ECKey | OctKey
    claims: Claims


MOST_REMEMBERED = 4096
_remembered: dict[str, Authentic] = {}


def verify(token: str, of: Class, claims: type[C], keys: Mapping[str, ECKey | OctKey], issuers: Sequence[str]) -> C:
    """Return the claims of a token that holds in every respect, or raise Unauthenticated.

    `keys` are those of this class by `kid`.
    """
    found = _seen(token, of, claims, keys) or _authentic(token, of, claims, keys)
    if not _holds(found, of, issuers, int(time.time())):
        raise Unauthenticated
    return found


def _seen(token: str, of: Class, claims: type[C], keys: Mapping[str, ECKey | OctKey]) -> C | None:
    """Return the claims of a token that was authentic before, by a key that still is one."""
    seen = _remembered.get(token)
    if seen is None or seen.of is not of or keys.get(seen.kid) is not seen.key:
        return None
    return seen.claims if isinstance(seen.claims, claims) else None


def _authentic(token: str, of: Class, claims: type[C], keys: Mapping[str, ECKey | OctKey]) -> C:
    """Check form and signature, which takes longer than all else; it is remembered. Forgeries are not."""
    if len(token) > LONGEST:
        raise Unauthenticated
    try:
        header = _header(token)
        if header.get("alg") != of.alg or header.get("typ") != of.typ or not header.keys() <= _HEADER:
            raise Unauthenticated
        kid = kid_of(token)
        decoded = jwt.decode(token, keys[kid], algorithms=[of.alg])  # noqa: TID251 - the one place
        found = msgspec.convert(decoded.claims, claims)
    except (JoseError, KeyError, ValueError, TypeError, RecursionError, msgspec.MsgspecError) as error:
        raise Unauthenticated from error
    if len(_remembered) >= MOST_REMEMBERED:
        del _remembered[next(iter(_remembered))]
    _remembered[token] = Authentic(of, kid, keys[kid], found)
    return found


def _holds(claims: Claims, of: Class, issuers: Sequence[str], now: int) -> bool:
    return (
        claims.iss in issuers
        and claims.aud == of.audience
        and claims.nbf <= now + LEEWAY
        and claims.iat <= now + LEEWAY
        and now < claims.exp
        and 0 < claims.exp - claims.iat <= of.life
    )


def _header(token: str) -> dict[str, Any]:
    encoded = token.split(".", 1)[0]
    try:
        header = msgspec.json.decode(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise Unauthenticated from error
    if not isinstance(header, dict):
        raise Unauthenticated
    return header


def kid_of(token: str) -> str:
    """Return the `kid` that a token's header names, unverified; raises Unauthenticated without a well-formed one."""
    kid = _header(token).get("kid") if len(token) <= LONGEST else None
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise Unauthenticated
    return kid
