"""Pages of a list: a signed cursor that says where the next one starts, in a Link header (RFC 8288)."""

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from itsdangerous import BadData, URLSafeSerializer
from msgspec import Struct
from starlette.requests import Request

from bookmeup.errors import BadCursor

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
    pairs = {"limit": limit or UNPAGED, "cursor": cursors.make(listed, position)}
    return {"Link": f'<{request.url.path}?{urlencode(pairs)}>; rel="next"'}
