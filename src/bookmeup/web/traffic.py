"""What came of each request, noted in one place: counted, timed, and told as one line."""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bookmeup.web.logs import FAILED, tell_request
from bookmeup.web.metrics import Figures

GONE = 499
"""The client went away before an answer began (nginx's number for it)."""


class Traffic:
    """ASGI middleware that tells of the requests of one role."""

    def __init__(self, app: ASGIApp, role: str) -> None:
        self._app = app
        self._figures = Figures(role)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = GONE

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = perf_counter()
        self._figures.begin()
        try:
            await self._app(scope, receive, note_status)
        except Exception:
            status = FAILED if status == GONE else status
            raise
        finally:
            seconds = perf_counter() - began
            self._figures.end(scope, status, seconds)
            tell_request(scope, status, seconds)
