"""From a route to a transaction and back: a write that is decided once, however often it is asked."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from bookmeup.db import transactions
from bookmeup.db.callers import caller
from bookmeup.db.queries.calendar import GivenBackError
from bookmeup.db.queries.idempotency import claim_of, claiming, decided_once
from bookmeup.db.transactions import Caller, Opening, Tx
from bookmeup.web.answers import JSON, ok

T = TypeVar("T")


async def decide(
    request: Request,
    work: Callable[[Tx], object],
    *,
    status: int = 200,
    body: object = None,
    once: bool = True,
    lasting: bool = False,
    scope: str = "",
    then: Opening | None = None,
) -> Response:
    """Run the work in one transaction and answer with what it returns.

    With an Idempotency-Key the answer, or the rule that refused, is kept beside what it did; `body` is what makes two
    requests the same, and `scope` tells apart callers without a user. `once=False`: nothing is kept. It is kept for a
    day, but a `lasting` one, of what makes appointments, at any time. `then` goes with the claim in one message.
    """
    who = caller(request)
    route = f"{request.method} {request.url.path} {scope}".rstrip()

    def run() -> tuple[int, bytes]:
        database = request.app.state.database
        if not once or who.key is None:
            return transactions.transact(database, who, lambda tx: (status, msgspec.json.encode(work(tx))))
        claim = claim_of(who.key, route, body, lasting=lasting)

        def decided(then: Opening | None) -> tuple[int, bytes]:
            opening = claiming(claim, then)
            return transactions.transact(database, who, lambda tx: decided_once(tx, claim, status, work), opening)

        try:
            return decided(then)
        except GivenBackError:
            return decided(None)

    answered, content = await request.app.state.write_lane.run(run, patient=who.service == "logic")
    media = JSON if answered < 400 else "application/problem+json"  # noqa: PLR2004
    return Response(content, answered, media_type=media)


async def look(request: Request, work: Callable[[Connection, Caller], object]) -> Response:
    """Run a read outside any transaction and answer with what it returns."""
    return ok(await looked(request, work))


async def looked(request: Request, work: Callable[[Connection, Caller], T]) -> T:
    who = caller(request)

    def run() -> T:
        return transactions.read(request.app.state.database, who, lambda connection: work(connection, who))

    lane = request.app.state.read_lanes[who.service]
    found: T = await lane.run(run, patient=who.service == "logic")
    return found
