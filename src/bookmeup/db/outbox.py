"""Work that waits: rows of the outbox, taken 20 at a time, and the rows whose time is over.

A kind without a handler yet is done at once. At least once: a handler must bear to be called again.
"""

import asyncio
import time

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from bookmeup.db.engine import OUTBOX, Database
from bookmeup.db.lanes import Lane

BATCH = 20
POLL_SECONDS = 2.0
SWEEP_SECONDS = 3600.0

_DONE = text("""
UPDATE outbox SET done_at = now() WHERE id IN (
  SELECT id FROM outbox WHERE done_at IS NULL AND not_before <= now() AND (leased_until IS NULL OR leased_until < now())
  ORDER BY not_before, id FOR UPDATE SKIP LOCKED LIMIT :batch)
""")
_ROLE = text("SELECT set_config('role', :role, true)")
_SWEEP = (
    text("DELETE FROM outbox WHERE done_at < now() - interval '1 day'"),
    text("DELETE FROM idempotency_keys WHERE expires_at < now()"),
    text("DELETE FROM rate_limits WHERE arrival_at < now()"),
    text("DELETE FROM sessions WHERE expires_at < now() - interval '1 day'"),
)
log = structlog.get_logger()


class Outbox:
    """Works the outbox off in one thread until it is cancelled."""

    def __init__(self, database: Database, lane: Lane) -> None:
        self._database = database
        self._lane = lane
        self._swept = time.monotonic()

    async def work(self) -> None:
        while True:
            try:
                done = await self._lane.run(self._batch, patient=True)
                if time.monotonic() - self._swept > SWEEP_SECONDS:
                    self._swept = time.monotonic()
                    await self._lane.run(self._sweep, patient=True)
            except SQLAlchemyError as error:
                log.warning("outbox waits for the database", reason=type(error).__name__)
                done = 0
            if done < BATCH:
                await asyncio.sleep(POLL_SECONDS)

    def _batch(self) -> int:
        """Mark what is due as done; return how much that was."""
        with self._database.background.connect() as connection, connection.begin():
            connection.execute(_ROLE, {"role": OUTBOX})
            return connection.execute(_DONE, {"batch": BATCH}).rowcount

    def _sweep(self) -> None:
        with self._database.background.connect() as connection:
            for statement in _SWEEP:
                self._delete(connection, statement)

    def _delete(self, connection: Connection, statement: object) -> None:
        with connection.begin():
            connection.execute(_ROLE, {"role": OUTBOX})
            connection.execute(statement)  # type: ignore[call-overload]
