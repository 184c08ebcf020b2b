"""The applications of the roles, wired to each other: by HTTP where they are apart, in-process where they are one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from bookmeup.clients.db import LIMIT
from bookmeup.clients.transport import Http, InProcess, Transport
from bookmeup.settings import AUTH_KEY, JWT_SECRET, LOGIC_KEY, Settings
from bookmeup.web.server import Draining

if TYPE_CHECKING:
    from sqlalchemy import URL  # auth and logic do without SQLAlchemy

Keys = Mapping[str, tuple[str, ...]]
AUTH_PREFIXES = ("/auth", "/.well-known/oauth-authorization-server/auth")


def auth(settings: Settings, keys: Keys, draining: Draining, to_db: Transport | None = None) -> Starlette:
    from bookmeup.auth.app import create_app

    return create_app(
        to_db or Http(settings.db_service_url, LIMIT),
        keys[AUTH_KEY],
        keys[JWT_SECRET][0],
        base_url=settings.base_url,
        allowed_hosts=settings.allowed_hosts,
        draining=lambda: draining.begun,
    )


def logic(
    settings: Settings, keys: Keys, draining: Draining, to_db: Transport | None = None, to_auth: Transport | None = None
) -> Starlette:
    from bookmeup.logic.app import create_app

    return create_app(
        to_db or Http(settings.db_service_url, LIMIT),
        to_auth or Http(settings.auth_service_url, LIMIT),
        keys[LOGIC_KEY],
        base_url=settings.base_url,
        allowed_hosts=settings.allowed_hosts,
        draining=lambda: draining.begun,
    )


def db(settings: Settings, keys: Keys, url: str | URL, draining: Draining) -> Starlette:
    from bookmeup.db.app import create_app

    return create_app(
        url,
        {"auth": keys[AUTH_KEY], "logic": keys[LOGIC_KEY]},
        other_password=settings.other_password,
        rate_limits=settings.rate_limits,
        works_outbox=settings.outbox,
        draining=lambda: draining.begun,
        on_drain=draining.on_begin,
    )


def worker(settings: Settings, url: str | URL, draining: Draining) -> Starlette:
    from bookmeup.db.worker import create_app

    return create_app(url, other_password=settings.other_password, draining=lambda: draining.begun)


def all_in_one(settings: Settings, keys: Keys, url: str | URL, draining: Draining) -> ASGIApp:
    """The three behind one port, routed as the Ingress does; between them the same handlers, codec and tokens."""
    stored = db(settings, keys, url, draining)
    accounts = auth(settings, keys, draining, InProcess(stored, LIMIT))
    public = logic(settings, keys, draining, InProcess(stored, LIMIT), InProcess(accounts, LIMIT))
    return AllInOne(stored, accounts, public)


class AllInOne:
    """Sends accounts' paths to auth and the rest to logic; db has no path from outside."""

    def __init__(self, stored: Starlette, accounts: Starlette, public: Starlette) -> None:
        self._apps = (stored, accounts, public)
        self._accounts, self._public = accounts, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif _is_accounts(scope.get("path", "")):
            await self._accounts(scope, receive, send)
        else:
            await self._public(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._started():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def _started(self) -> AsyncIterator[None]:
        """Start db first, and wait until auth may sign: who is told the URL can sign in."""
        async with contextlib.AsyncExitStack() as stack:
            for app in self._apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
            for _ in range(100):
                if self._accounts.state.keys.ready:
                    break
                await asyncio.sleep(0.05)
            yield


def _is_accounts(path: str) -> bool:
    return any(path == prefix or path.startswith(prefix + "/") for prefix in AUTH_PREFIXES)
