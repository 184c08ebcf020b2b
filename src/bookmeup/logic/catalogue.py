"""A copy of the catalogue, as bytes: at most a second old while db is there, half a minute while it is not."""

import asyncio
import time

from bookmeup.clients.db import Db
from bookmeup.errors import Unavailable

FRESH_SECONDS = 0.8
STALE_SECONDS = 30.0
NOT_MODIFIED = 304


class Catalogue:
    """`GET /services` as this process last saw it. Who writes calls `drop`; others see the write within a second."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._copy: bytes | None = None
        self._etag = ""
        self._checked = float("-inf")
        self._drops = 0
        self._checking = asyncio.Lock()

    def drop(self) -> None:
        """Forget the copy; an answer that is under way does not count either."""
        self._drops += 1
        self._copy, self._checked = None, float("-inf")

    async def read(self) -> bytes:
        """Return the JSON list of services; raises Unavailable when db is away and the copy is too old."""
        copy = self._copy
        if copy is not None and time.monotonic() - self._checked < FRESH_SECONDS:
            return copy
        asked = time.monotonic()
        async with self._checking:
            if self._copy is not None and self._checked >= asked:
                return self._copy
            try:
                return await self._check(asked)
            except Unavailable:
                if self._copy is not None and asked - self._checked < STALE_SECONDS:
                    return self._copy
                raise

    async def _check(self, asked: float) -> bytes:
        drops = self._drops
        reply = await self._db.by_itself(1.0).get("/services", if_none_match=self._etag if self._copy else None)
        copy = self._copy if reply.status == NOT_MODIFIED and self._copy is not None else reply.body
        if drops == self._drops:
            self._copy, self._etag, self._checked = copy, reply.headers.get("etag", ""), asked
        return copy
