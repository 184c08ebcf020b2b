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
        self._checked = self._failed = float("-inf")
        self._drops = 0
        self._checking = asyncio.Lock()

    def drop(self) -> None:
        """Forget the copy; an answer that is under way does not count either."""
        self._drops += 1
        self._copy, self._checked, self._failed = None, float("-inf"), float("-inf")

    async def read(self) -> bytes:
        """Return the JSON list of services; raises Unavailable when db is away and the copy is too old."""
        if self._asked_lately():
            return self._kept()
        async with self._checking:
            if self._asked_lately():  # by somebody else, while this one waited
                return self._kept()
            try:
                return await self._check(time.monotonic())
            except Unavailable:
                self._failed = time.monotonic()
                return self._kept()

    def _asked_lately(self) -> bool:
        """Whether db was asked just now, with or without success: one that does not answer holds up one request."""
        checked = self._checked if self._copy is not None else float("-inf")
        return time.monotonic() - max(checked, self._failed) < FRESH_SECONDS

    def _kept(self) -> bytes:
        if self._copy is None or time.monotonic() - self._checked >= STALE_SECONDS:
            raise Unavailable
        return self._copy

    async def _check(self, asked: float) -> bytes:
        drops = self._drops
        reply = await self._db.by_itself(1.0).get("/services", if_none_match=self._etag if self._copy else None)
        copy = self._copy if reply.status == NOT_MODIFIED and self._copy is not None else reply.body
        if drops == self._drops:
            self._copy, self._etag, self._checked = copy, reply.headers.get("etag", ""), asked
        return copy
