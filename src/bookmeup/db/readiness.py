"""Whether PostgreSQL is there, durable, and at a schema that this image works on: asked once a second."""

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bookmeup.db.engine import Database
from bookmeup.db.lanes import Lane
from bookmeup.db.schema_version import HEAD, fits

EVERY_SECONDS = 1.0
ANSWER_SECONDS = 3.0
_DURABLE = text("SELECT current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off'")
log = structlog.get_logger()


class Readiness:
    """`reason` says why db is not ready, None if it is. `before_ready` is done each time before it becomes ready."""

    def __init__(self, database: Database, lane: Lane, before_ready: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._lane = lane
        self._before_ready = before_ready
        self.reason: str | None = "the database has not answered yet"

    async def watch(self) -> None:
        """Ask for ever."""
        while True:
            await self.ask()
            await asyncio.sleep(EVERY_SECONDS)

    async def ask(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reason = await self._lane.run(self._look, patient=True)
        except (SQLAlchemyError, TimeoutError):
            reason = "the database does not answer"
        if reason != self.reason:
            log.info("readiness", ready=reason is None, reason=reason)
        self.reason = reason

    def _look(self) -> str | None:
        with self._database.background.connect() as connection:
            if not fits(connection):
                return f"the schema is not the one that this image needs ({HEAD}): run migrate"
            if not connection.execute(_DURABLE).scalar_one():
                return "fsync or synchronous_commit is off"
        if self.reason is not None:
            self._before_ready()
        return None
