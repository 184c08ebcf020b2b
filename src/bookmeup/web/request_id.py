"""One identifier per request, in its logs, its answer and the calls it makes."""

import re
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

HEADER = b"x-request-id"
WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """ASGI middleware: `scope["state"]["request_id"]`, the log context and `X-Request-ID` carry one id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = incoming(scope) or uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        header = (HEADER, request_id.encode("ascii"))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [(name, value) for name, value in message.get("headers", ()) if name.lower() != HEADER]
                message["headers"] = [*others, header]
            await send(message)

        bound = bind_contextvars(request_id=request_id)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            # One process can serve several roles: an inner call must leave the outer one's context as it was.
            reset_contextvars(**bound)


def incoming(scope: Scope) -> str | None:
    """Give the caller's identifier; one that is not well-formed is as good as none."""
    for name, value in scope["headers"]:
        if name == HEADER:
            return value.decode("ascii") if WELL_FORMED.fullmatch(value) else None
    return None
