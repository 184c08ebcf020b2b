"""auth-service: says who somebody is. It alone signs tokens."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from starlette.applications import Starlette

from bookmeup.auth.keys import KeyRing
from bookmeup.auth.routes import accounts, forms
from bookmeup.clients.db import Db
from bookmeup.clients.service_tokens import ServiceTokens
from bookmeup.clients.transport import Transport
from bookmeup.web.app import assemble
from bookmeup.web.background import beside
from bookmeup.web.cookies import Cookies
from bookmeup.web.health import health_routes
from bookmeup.web.paging import Cursors
from bookmeup.web.passwords import Passwords
from bookmeup.web.principal import verifier


def create_app(
    to_db: Transport,
    service_keys: Sequence[str],
    jwt_secret: str,
    *,
    base_url: str = "",
    allowed_hosts: Sequence[str] = (),
    draining: Callable[[], bool] = lambda: False,
) -> Starlette:
    """Return the app. `jwt_secret` seals the signing keys; `base_url` decides about the cookies."""
    db = Db(to_db, ServiceTokens("auth", service_keys))
    keys = KeyRing(db, jwt_secret)
    passwords = Passwords()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with beside(keys.watch):
            await passwords.prepare()
            yield
        passwords.close()
        await db.close()

    def not_ready() -> str | None:
        if draining():
            return "it is stopping"
        return None if keys.ready else "no signing key may sign yet"

    return assemble(
        "auth",
        [*health_routes("auth", not_ready), *accounts.routes, *forms.routes],
        state={
            "db": db,
            "keys": keys,
            "passwords": passwords,
            "verifier": verifier(keys),
            "cursors": Cursors(service_keys),
            "cookies": Cookies(base_url),
        },
        base_url=base_url,
        allowed_hosts=allowed_hosts,
        lifespan=lifespan,
    )
