"""Pages of a list: a signed cursor that says where the next one starts, in a Link header (RFC 8288)."""

from collections.abc import Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

import msgspec
from itsdangerous import BadData, URLSafeSerializer
from msgspec import Meta, Raw, Struct
from starlette.requests import Request
from starlette.responses import Response

from bookmeup.errors import BadCursor
from bookmeup.schemas.appointments import Page
from bookmeup.web.answers import ok
from bookmeup.web.reading import query

T = TypeVar("T", bound=Struct)
UNPAGED = 1000
"""How many rows a list has at most when no limit is asked for."""


class Cursors:
    """Signs cursors, and reads those that it signed for the same list."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = list(reversed(keys))  # itsdangerous signs with the last

    def make(self, listed: str, position: str) -> str:
        return URLSafeSerializer(self._keys, salt=listed).dumps(position)

    def read(self, listed: str, cursor: str, kind: type[T]) -> T:
        """Return the position; raises BadCursor for a forged one, and for content that no list has."""
        try:
            return msgspec.json.decode(URLSafeSerializer(self._keys, salt=listed).loads(cursor), type=kind)
        except (BadData, msgspec.MsgspecError, TypeError, ValueError) as error:
            raise BadCursor from error


def link(request: Request, cursors: Cursors, listed: str, position: str | None, limit: int | None) -> dict[str, str]:
    """Return the Link header to the next page, none on the last."""
    if position is None:
        return {}
    others = {name: value for name, value in request.query_params.items() if name not in ("limit", "cursor")}
    pairs = {**others, "limit": limit or UNPAGED, "cursor": cursors.make(listed, position)}
    return {"Link": f'<{request.url.path}?{urlencode(pairs)}>; rel="next"'}


class Rows(Struct):
    """Where a page starts of a list that is read whole."""

    before: Annotated[int, Meta(ge=0, le=2**31)] = 0


def page_of(request: Request, whole: bytes) -> Response:
    """Answer with the page that is asked for, of a JSON list that is read whole because it is short."""
    page, listed, cursors = query(request, Page), request.url.path, request.app.state.cursors
    start = 0 if page.cursor is None else cursors.read(listed, page.cursor, Rows).before
    end = start + (page.limit or UNPAGED)
    rows = msgspec.json.decode(whole, type=list[Raw])
    more = msgspec.json.encode(Rows(end)).decode() if len(rows) > end else None
    response = ok(rows[start:end])
    response.headers.update(link(request, cursors, listed, more, page.limit))
    return response
