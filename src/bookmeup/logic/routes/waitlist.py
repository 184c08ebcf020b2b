"""The waitlist and its offers; for staff also the work that was tried too often."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.clients.headers import NEXT_HEADER
from bookmeup.errors import (
    BadCursor,
    InThePast,
    KeyInFlight,
    NotFound,
    OfferOver,
    TooManyWishes,
    UnknownReference,
)
from bookmeup.logic.routes.appointments import db
from bookmeup.schemas.answers import Created, Message
from bookmeup.schemas.appointments import Page
from bookmeup.schemas.waitlist import DeadLetter, Offer, Position, Wish, WishPage, WishRequest
from bookmeup.web.answers import passed_on
from bookmeup.web.operations import Handler, operation
from bookmeup.web.paging import UNPAGED, link, page_of
from bookmeup.web.principal import SIGNED_IN, STAFF
from bookmeup.web.reading import path_id, query, read


async def join(request: Request) -> Response:
    reply = await db(request).on_behalf(request).post("/waitlist", await read(request, WishRequest))
    return passed_on(reply.status, reply.body)


def listed(path: str) -> Handler:
    """Return the handler of a list by id, a page at a time."""

    async def pages(request: Request) -> Response:
        page, cursors = query(request, WishPage), request.app.state.cursors
        wanted = Position() if page.cursor is None else cursors.read(path, page.cursor, Position)
        wanted.limit = page.limit or UNPAGED
        reply = await db(request).on_behalf(request).get(path, wanted)
        response = passed_on(reply.status, reply.body)
        response.headers.update(link(request, cursors, path, reply.headers.get(NEXT_HEADER), page.limit))
        return response

    return pages


async def withdraw(request: Request) -> Response:
    reply = await db(request).on_behalf(request).delete(f"/waitlist/{path_id(request)}")
    return passed_on(reply.status, reply.body)


async def offers(request: Request) -> Response:
    reply = await db(request).on_behalf(request).get("/offers")
    return page_of(request, reply.body)


def answering(path: str) -> Handler:
    """Return the handler of a POST without a body."""

    async def answer(request: Request) -> Response:
        reply = await db(request).on_behalf(request).post(path.format(id=path_id(request)))
        return passed_on(reply.status, reply.body)

    return answer


OFFER = (NotFound, OfferOver, KeyInFlight)

routes: list[BaseRoute] = [
    operation("POST", "/waitlist", join, SIGNED_IN,
              "Wait, in the order of joining, for time that is taken; staff for others", body=WishRequest,
              answer=Created, status=201, creates=True,
              refusals=(UnknownReference, InThePast, TooManyWishes, KeyInFlight)),
    operation("GET", "/waitlist", listed("/waitlist"), SIGNED_IN, "My wishes; for staff the whole line",
              query=WishPage, answer=list[Wish], refusals=(BadCursor,)),
    operation("DELETE", "/waitlist/{id:int}", withdraw, SIGNED_IN, "Withdraw a wish", answer=Message,
              refusals=(NotFound,)),
    operation("GET", "/offers", offers, SIGNED_IN, "What is offered to me now", query=Page, answer=list[Offer]),
    operation("POST", "/offers/{id:int}/accept", answering("/offers/{id}/accept"), SIGNED_IN, "Accept an offer",
              answer=Created, refusals=OFFER, creates=True),
    operation("POST", "/offers/{id:int}/decline", answering("/offers/{id}/decline"), SIGNED_IN, "Decline an offer",
              answer=Message, refusals=OFFER, creates=True),
    operation("GET", "/dead-letters", listed("/dead-letters"), STAFF, "Work that was tried too often",
              query=WishPage, answer=list[DeadLetter], refusals=(BadCursor,)),
    operation("POST", "/dead-letters/{id:int}/replay", answering("/dead-letters/{id}/replay"), STAFF,
              "Try dead work again", answer=Message, refusals=(NotFound, KeyInFlight), creates=True),
]  # fmt: skip
