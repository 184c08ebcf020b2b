"""db-service: the only way to the data. Nothing here is public; every route names the services that may call it."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from sqlalchemy import URL
from starlette.applications import Starlette

from bookmeup.clients.service_tokens import keys_by_id
from bookmeup.db import engine
from bookmeup.db.lanes import Lane
from bookmeup.db.outbox import Outbox
from bookmeup.db.outbox_lag import OutboxLag
from bookmeup.db.readiness import Readiness
from bookmeup.db.routes import (
    addons,
    appointments,
    business,
    exceptions,
    locations,
    resources,
    services,
    slots,
    together,
    users,
    waitlist,
)
from bookmeup.web.app import assemble
from bookmeup.web.background import beside
from bookmeup.web.health import health_routes


def create_app(
    url: str | URL,
    service_keys: Mapping[str, Sequence[str]],
    *,
    other_password: str = "",
    rate_limits: bool = True,
    works_outbox: bool = True,
    draining: Callable[[], bool] = lambda: False,
    on_drain: Callable[[Callable[[], None]], None] = lambda _: None,
) -> Starlette:
    """Return the app. `service_keys` are the keys of each calling service; `url` is where PostgreSQL is.

    Without `works_outbox` somebody else works the outbox off: processes of the role worker. `other_password` is the
    second one of PostgreSQL's that may be right, while it is being changed.
    """
    database = engine.connect(url, other_password)
    lanes = {
        "write": Lane("write", engine.WRITES),
        "logic": Lane("read-logic", engine.LOGIC_READS),
        "auth": Lane("read-auth", engine.AUTH_READS),
        "background": Lane("background", engine.BACKGROUND),
    }
    readiness = Readiness(database, lanes["background"], before_ready=database.fill)
    work = [readiness.watch]
    if works_outbox:
        work += [Outbox(database, lanes["background"]).work, OutboxLag(database, lanes["background"]).watch]
    on_drain(database.drop_idle)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await readiness.ask()
        async with beside(*work):
            yield
        for lane in lanes.values():
            lane.close()
        database.drop_idle()

    def not_ready() -> str | None:
        return "it is stopping" if draining() else readiness.reason

    return assemble(
        "db",
        [
            *slots.routes,  # the first ones are the most asked for: routes are tried one after the other
            *appointments.routes,
            *services.routes,
            *health_routes("db", not_ready),
            *users.routes,
            *business.routes,
            *exceptions.routes,
            *locations.routes,
            *resources.routes,
            *addons.routes,
            *together.routes,
            *waitlist.routes,
        ],
        state={
            "database": database,
            "service_keys": {service: keys_by_id(keys) for service, keys in service_keys.items()},
            "rate_limits": rate_limits,
            "write_lane": lanes["write"],
            "read_lanes": {"logic": lanes["logic"], "auth": lanes["auth"]},
        },
        lifespan=lifespan,
    )
