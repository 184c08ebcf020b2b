"""Which services may call a route of db, and on whose behalf they do."""

import time
from collections.abc import Mapping, Sequence

from joserfc.jwk import OctKey
from starlette.requests import Request

from bookmeup.clients.headers import DEADLINE_HEADER
from bookmeup.db.transactions import Caller
from bookmeup.errors import CallerNotAllowed, Refusal, Unauthenticated
from bookmeup.web.tokens import SERVICE, ServiceClaims, kid_of, verify

LONGEST_MS = 10_000


class Callers:
    """Lets in these services, with or without a user behind them."""

    refusals: Sequence[type[Refusal]] = (Unauthenticated, CallerNotAllowed)
    security: str | None = "service"

    def __init__(self, *services: str) -> None:
        self._services = frozenset(services)

    async def __call__(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            raise Unauthenticated
        keys: Mapping[str, Mapping[str, OctKey]] = request.app.state.service_keys
        service, claims = _verified(token, keys)
        if service not in self._services:
            raise CallerNotAllowed
        request.state.caller = Caller(
            service=service,
            actor=int(claims.sub) if claims.sub else None,
            sid=claims.sid,
            request_id=request.scope["state"].get("request_id"),
            deadline=_deadline(request),
            key=request.headers.get("idempotency-key"),
            if_match=request.headers.get("if-match"),
        )


def _verified(token: str, keys: Mapping[str, Mapping[str, OctKey]]) -> tuple[str, ServiceClaims]:
    """Return the service whose key signed the token; it must be the one that the token names."""
    kid = kid_of(token)
    for service, known in keys.items():
        if kid not in known:
            continue
        try:
            return service, verify(token, SERVICE, ServiceClaims, known, [service])
        except Unauthenticated:
            continue
    raise Unauthenticated


def _deadline(request: Request) -> float:
    """Return until when the caller waits; what is left travels, because clocks of machines differ."""
    left = request.headers.get(DEADLINE_HEADER, "")
    milliseconds = min(int(left), LONGEST_MS) if left.isascii() and left.isdigit() else LONGEST_MS
    return time.monotonic() + milliseconds / 1000


def caller(request: Request) -> Caller:
    found: Caller = request.state.caller
    return found
