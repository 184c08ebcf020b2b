"""Health: alive is a process that answers, ready is one that should be given work."""

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

import bookmeup
from bookmeup.errors import Unavailable
from bookmeup.schemas.answers import Health
from bookmeup.web.answers import ok
from bookmeup.web.operations import ANYONE, operation

Reason = Callable[[], str | None]


def health_routes(role: str, not_ready: Reason) -> Sequence[BaseRoute]:
    """Return `/livez` and `/readyz`; `not_ready` says why the process is not, None if it is. Neither does any I/O."""

    async def livez(_request: Request) -> Response:
        return ok(Health("healthy", role, bookmeup.__version__))

    async def readyz(_request: Request) -> Response:
        reason = not_ready()
        if reason is not None:
            raise Unavailable(f"Not ready: {reason}.")
        return ok(Health("ready", role, bookmeup.__version__))

    return [
        operation("GET", "/livez", livez, ANYONE, "Is the process alive", answer=Health, hidden=True),
        operation("GET", "/readyz", readyz, ANYONE, "Is it ready", answer=Health, refusals=(Unavailable,), hidden=True),
    ]
