"""The waitlist, its offers, and the work that was tried too often."""

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.clients.headers import NEXT_HEADER
from bookmeup.db.callers import Callers
from bookmeup.db.decide import decide, look, looked
from bookmeup.db.queries import waitlist_lists as lists
from bookmeup.db.queries.outbox import MOST_TRIES
from bookmeup.db.routes.appointments import customer_of
from bookmeup.db.waitlist import accepted, declined, joined, replayed, withdrawn
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.waitlist import DeadLetter, Offer, Position, Wish, WishRequest
from bookmeup.web.answers import ok
from bookmeup.web.operations import operation
from bookmeup.web.reading import path_id, query, read

LOGIC = Callers("logic")


async def join(request: Request) -> Response:
    wish = await read(request, WishRequest)
    return await decide(request, lambda tx: joined(tx, wish, customer_of(tx, wish)), status=201, body=wish)


async def wishes(request: Request) -> Response:
    page = query(request, Position)
    longer = Position(page.limit + 1, page.after_id)
    return _paged(await looked(request, lambda connection, who: lists.wishes(connection, who, longer)), page)


async def withdraw(request: Request) -> Response:
    wish = path_id(request)
    return await decide(request, lambda tx: withdrawn(tx, wish))


async def offers(request: Request) -> Response:
    return await look(request, lists.offers)


async def accept(request: Request) -> Response:
    offer = path_id(request)
    return await decide(request, lambda tx: accepted(tx, offer), lasting=True)


async def decline(request: Request) -> Response:
    offer = path_id(request)
    return await decide(request, lambda tx: declined(tx, offer))


async def dead_letters(request: Request) -> Response:
    page = query(request, Position)
    longer = Position(page.limit + 1, page.after_id)
    found = await looked(request, lambda connection, who: lists.dead_letters(connection, who, longer, MOST_TRIES))
    return _paged(found, page)


async def replay(request: Request) -> Response:
    letter = path_id(request)
    return await decide(request, lambda tx: replayed(tx, letter))


def _paged(rows: Sequence[Wish] | Sequence[DeadLetter], page: Position) -> Response:
    response = ok(rows[: page.limit])
    if len(rows) > page.limit:
        position = Position(after_id=rows[page.limit - 1].id)
        response.headers[NEXT_HEADER] = msgspec.json.encode(position).decode()
    return response


routes: list[BaseRoute] = [
    operation("POST", "/waitlist", join, LOGIC, "Join", body=WishRequest, answer=Created, status=201),
    operation("GET", "/waitlist", wishes, LOGIC, "The line", query=Position, answer=list[Wish]),
    operation("DELETE", "/waitlist/{id:int}", withdraw, LOGIC, "Withdraw a wish", answer=Message),
    operation("GET", "/offers", offers, LOGIC, "The actor's open offers", answer=list[Offer]),
    operation("POST", "/offers/{id:int}/accept", accept, LOGIC, "Accept", answer=Created),
    operation("POST", "/offers/{id:int}/decline", decline, LOGIC, "Decline", answer=Message),
    operation("GET", "/dead-letters", dead_letters, LOGIC, "What failed", query=Position, answer=list[DeadLetter]),
    operation("POST", "/dead-letters/{id:int}/replay", replay, LOGIC, "Try again", answer=Message),
]
