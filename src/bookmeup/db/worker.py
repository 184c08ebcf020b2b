"""The role worker: works the outbox off beside db, in any number of processes."""

import contextlib
from collections.abc import AsyncIterator, Callable

from sqlalchemy import URL
from starlette.applications import Starlette

from bookmeup.db import engine
from bookmeup.db.lanes import Lane
from bookmeup.db.outbox import Outbox
from bookmeup.db.outbox_lag import OutboxLag
from bookmeup.db.readiness import Readiness
from bookmeup.web.app import assemble
from bookmeup.web.background import beside
from bookmeup.web.health import health_routes


def create_app(url: str | URL, *, other_password: str = "", draining: Callable[[], bool] = lambda: False) -> Starlette:
    """Return the app: nothing but health; the work goes on beside it."""
    database = engine.connect_worker(url, other_password)
    lane = Lane("background", engine.BACKGROUND)
    readiness = Readiness(database, lane)
    work = (readiness.watch, Outbox(database, lane).work, OutboxLag(database, lane).watch)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with beside(*work):
            yield
        lane.close()
        database.drop_idle()

    def not_ready() -> str | None:
        return "it is stopping" if draining() else readiness.reason

    return assemble("worker", health_routes("worker", not_ready), state={}, lifespan=lifespan)
