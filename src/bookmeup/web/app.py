"""Assembling an application: what every role has around its routes."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bookmeup.errors import Refusal, TooLarge, UnknownHost
from bookmeup.web.problems import answer, failed, not_routed, refused
from bookmeup.web.request_id import RequestId
from bookmeup.web.traffic import Traffic

log = structlog.get_logger()
BODY_LIMIT = 1_000_000
BUDGET = 2.0
"""Seconds that a client's request may take, carried on to db as what is left of it."""
HSTS = (b"strict-transport-security", b"max-age=31536000")
"""RFC 6797: for a year this host is asked by https alone."""
PROBES = frozenset({"/livez", "/readyz", "/health", "/auth/health"})

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def no_lifespan(_app: Starlette) -> AsyncIterator[None]:
    yield


def assemble(
    role: str,
    routes: Sequence[BaseRoute],
    *,
    state: Mapping[str, Any],
    base_url: str = "",
    allowed_hosts: Sequence[str] = (),
    inner: Sequence[Middleware] = (),
    lifespan: Lifespan = no_lifespan,
) -> Starlette:
    """Return the app of a role; `state` is what its handlers find in `request.app.state`."""
    app = App(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={Refusal: refused, HTTPException: not_routed, Exception: failed},
        middleware=[
            Middleware(Edge, allowed_hosts=allowed_hosts, base_url=base_url),
            Middleware(RequestBodyLimitMiddleware, max_body_size=BODY_LIMIT),
            *inner,
        ],
    )
    app.router.redirect_slashes = False  # a redirect would be made of the Host that the client sent
    app.told_of = lambda told: RequestId(Traffic(told, role))
    for name, value in state.items():
        setattr(app.state, name, value)
    return app


class App(Starlette):
    """Starlette with what must see its error answers too: the request id, the figures and the log."""

    told_of: Callable[[ASGIApp], ASGIApp]

    def build_middleware_stack(self) -> ASGIApp:
        return self.told_of(_Last(super().build_middleware_stack()))


class _Last:
    """Logs a fault of ours, once, with its request's id; the client has had its 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            log.exception("unhandled error", exc_info=error)


class Edge:
    """Gives each request its deadline, checks its host, and marks what comes back as not to be stored.

    Probes are asked by address, so their host is not looked at.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str], base_url: str) -> None:
        self._app = app
        self._marks = [(b"x-content-type-options", b"nosniff"), *([HSTS] if base_url.startswith("https://") else [])]
        self._hosts = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["deadline"] = time.monotonic() + BUDGET
        refusal = self._refusal(scope)
        if refusal is not None:
            await answer(refusal, state.get("request_id"))(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                _harden(message["headers"], self._marks)
            await send(message)

        await self._app(scope, receive, send_marked)

    def _refusal(self, scope: Scope) -> Refusal | None:
        if self._hosts and scope["path"] not in PROBES and _host(scope) not in self._hosts:
            return UnknownHost()
        length = _header(scope, b"content-length")
        return TooLarge() if length.isdigit() and int(length[:20]) > BODY_LIMIT else None


def _harden(headers: list[tuple[bytes, bytes]], marks: list[tuple[bytes, bytes]]) -> None:
    names = {name.lower() for name, _ in headers}
    if b"cache-control" not in names:
        headers.append((b"cache-control", b"no-store"))
    headers.extend(marks)


def _host(scope: Scope) -> str:
    host = _header(scope, b"host").lower()
    return host if host.endswith("]") or ":" not in host else host.rpartition(":")[0]


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")
