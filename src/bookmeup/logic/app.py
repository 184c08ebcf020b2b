"""logic-service: the public face of everything but accounts."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from starlette.applications import Starlette

from bookmeup.clients.db import Db
from bookmeup.clients.jwks import Jwks
from bookmeup.clients.service_tokens import ServiceTokens
from bookmeup.clients.transport import Transport
from bookmeup.logic.catalogue import Catalogue
from bookmeup.logic.routes import public
from bookmeup.pages import faults, site
from bookmeup.pages.routes import pages
from bookmeup.web.app import assemble
from bookmeup.web.health import health_routes
from bookmeup.web.paging import Cursors
from bookmeup.web.passwords import Passwords
from bookmeup.web.principal import verifier


def create_app(
    to_db: Transport,
    to_auth: Transport,
    service_keys: Sequence[str],
    *,
    base_url: str = "",
    allowed_hosts: Sequence[str] = (),
    draining: Callable[[], bool] = lambda: False,
) -> Starlette:
    """Return the app. `base_url` is where customers reach it, and decides about the pages' cookies."""
    db = Db(to_db, ServiceTokens("logic", service_keys))
    jwks = Jwks(to_auth)
    passwords = Passwords()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        passwords.close()
        await db.close()
        await jwks.close()

    catalogue = Catalogue(db)
    app = assemble(
        "logic",
        [
            *health_routes("logic", lambda: "it is stopping" if draining() else None),
            *public,
            *pages,
        ],
        state={
            "db": db,
            "verifier": verifier(jwks),
            "catalogue": catalogue,
            "pages": site.make(db, catalogue.read, service_keys, base_url),
            "cursors": Cursors(service_keys),
            "passwords": passwords,
        },
        base_url=base_url,
        allowed_hosts=allowed_hosts,
        lifespan=lifespan,
    )
    app.exception_handlers.update(faults.HANDLERS)
    return app
