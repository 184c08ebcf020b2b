"""What goes wrong on a page is told on a page; the API's refusals stay problem documents."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bookmeup.errors import Refusal
from bookmeup.pages.rendering import framed
from bookmeup.pages.site import site
from bookmeup.web import problems

Told = Callable[[Request, Exception], Awaitable[Response]]
AGAIN = (429, 500, 503)
SENTENCES = {
    404: ("This page does not exist", "The address may be mistyped, or what was here is gone."),
    422: (
        "This link does not work",
        "Something in the address is not as it should be. Start again from the first page.",
    ),
    429: ("Too many tries", "Wait a moment, then try again."),
    500: ("Something went wrong", "It is our fault and has been noted. Try again; what you did before is safe."),
    503: ("Back in a moment", "This cannot be done right now. Nothing is lost: try again in a few seconds."),
}


def as_page(told: Told) -> Told:
    """Return the handler that answers as this one does, on a page where a person asked for a page."""

    async def answered(request: Request, error: Exception) -> Response:
        problem = await told(request, error)
        if not _wants_page(request):
            return problem
        title, sentence = _told(error, problem.status_code)
        # The frame is made of what is known already: db may be what is away.
        page = framed(
            request,
            "fault.html",
            site(request).location.last,
            status=problem.status_code,
            fault=True,
            title=title,
            sentence=sentence,
            retry=request.method == "GET" and problem.status_code in AGAIN,
            request_id=request.scope["state"].get("request_id", "") if problem.status_code in AGAIN else "",
        )
        page.headers.update(
            {name: value for name, value in problem.headers.items() if name in ("retry-after", "allow")}
        )
        return page

    return answered


def _told(error: Exception, status: int) -> tuple[str, str]:
    """Return a title and a sentence; what the refusal says of this very case goes first."""
    title, sentence = SENTENCES.get(status, ("This did not work", ""))
    special = isinstance(error, Refusal) and not error.faults and (not sentence or str(error) != error.sentence)
    return title, str(error) if special else sentence


def _wants_page(request: Request) -> bool:
    """Whether the route is a page, or none at all, and the client shows HTML."""
    accepted = request.headers.get("accept", "*/*")
    if request.scope.get("state", {}).get("page"):
        return "text/html" in accepted or "*/*" in accepted
    return "route" not in request.scope and "text/html" in accepted


HANDLERS: dict[Any, Told] = {
    Refusal: as_page(problems.refused),
    HTTPException: as_page(problems.not_routed),
    Exception: as_page(problems.failed),
}
