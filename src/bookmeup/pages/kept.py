"""What every page shows and hardly ever changes: a second old while db is there, half a minute while it is not."""

import time
from typing import Generic, TypeVar

from bookmeup.clients.db import Db, decoded
from bookmeup.errors import Unavailable

T = TypeVar("T")
FRESH_SECONDS = 0.8
STALE_SECONDS = 30.0
WAIT_SECONDS = 1.0


class Kept(Generic[T]):
    """One public answer of db, as this process last saw it."""

    def __init__(self, db: Db, path: str, kind: type[T]) -> None:
        self._db, self._path, self._kind = db, path, kind
        self._seen = float("-inf")
        self.last: T | None = None

    async def read(self, *, anew: bool = False) -> T:
        """Return the copy or ask again, at once with `anew`; raises Unavailable when db is away and it is too old."""
        asked = time.monotonic()
        if not anew and self.last is not None and asked - self._seen < FRESH_SECONDS:
            return self.last
        try:
            found = decoded(await self._db.by_itself(WAIT_SECONDS).get(self._path), self._kind)
        except Unavailable:
            if self.last is not None and asked - self._seen < STALE_SECONDS:
                return self.last
            raise
        self.last, self._seen = found, asked
        return found
