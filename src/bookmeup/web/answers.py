"""Answers, encoded."""

import msgspec
from starlette.responses import Response

JSON = "application/json"


def ok(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def passed_on(status: int, body: bytes) -> Response:
    """Answer with what another role answered, to the letter."""
    return Response(body, status, media_type=JSON)
