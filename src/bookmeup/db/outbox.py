"""Work that waits: rows of the outbox, each in a transaction of its own, and the rows whose time is over.

At least once: a handler must bear to be called again. One that fails is tried again later and stops no other.
A kind without a handler is done at once.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from bookmeup.db.engine import OUTBOX, Database
from bookmeup.db.handlers import HANDLERS, Handler
from bookmeup.db.lanes import Lane
from bookmeup.db.queries import appointments, outbox
from bookmeup.db.transactions import Caller, Tx

BATCH = 20
PASSED_OVER = 1000
"""Rows that nobody handles are done by one statement: by twenties, each bunch reads past all that were before it."""
POLL_SECONDS = 2.0
SWEEP_SECONDS = 3600.0
TX_SECONDS = 10.0

_BEGIN = text("SELECT set_config('role', :role, true), extract(epoch FROM now())::bigint AS now")
_SWEEP = (
    text("DELETE FROM outbox WHERE done_at < now() - interval '1 day'"),
    text("DELETE FROM idempotency_keys WHERE expires_at < now()"),
    text("DELETE FROM rate_limits WHERE arrival_at < now()"),
    text("DELETE FROM sessions WHERE expires_at < now() - interval '1 day'"),
)
log = structlog.get_logger()


class Outbox:
    """Works the outbox off in one thread until it is cancelled."""

    def __init__(self, database: Database, lane: Lane, handlers: Mapping[str, Handler] = HANDLERS) -> None:
        self._database = database
        self._lane = lane
        self._handlers = handlers
        self._swept = time.monotonic()

    async def work(self) -> None:
        while True:
            try:
                more = await self._lane.run(self.round, patient=True)
                if time.monotonic() - self._swept > SWEEP_SECONDS:
                    self._swept = time.monotonic()
                    await self._lane.run(self._sweep, patient=True)
            except SQLAlchemyError as error:
                log.warning("outbox waits for the database", reason=type(error).__name__)
                more = False
            if not more:
                await asyncio.sleep(POLL_SECONDS)

    def round(self) -> bool:
        """End the holds whose time is over and work off what is due; return whether there may be more."""
        with self._database.background.connect() as connection:
            self._end_holds(connection)
            with self._begun(connection):
                passed = outbox.pass_over(connection, list(self._handlers), PASSED_OVER)
            handled = 0
            while handled < BATCH and self._one(connection):
                handled += 1
        return passed == PASSED_OVER or handled == BATCH

    def _one(self, connection: Connection) -> bool:
        """Work off one row; return whether there was one."""
        with self._begun(connection) as tx:
            row = outbox.take(connection, list(self._handlers))
            if row is None:
                return False
            try:
                with connection.begin_nested():
                    self._handlers[row.kind](tx, row.payload)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with this row, the others go on
                log.warning("outbox row failed", kind=row.kind, id=row.id, attempt=row.attempts + 1, reason=repr(error))
                outbox.failed(connection, row, repr(error))
            else:
                outbox.done(connection, row.id)
        return True

    def _end_holds(self, connection: Connection) -> None:
        """End holds whose time is over, the offers that kept them too; each under the locks of what it takes."""
        with self._begun(connection):
            over = outbox.over(connection, BATCH)
        for appointment in over:
            with self._begun(connection) as tx:
                appointments.lock_of(tx, appointment)
                outbox.end(tx, appointment)

    @contextlib.contextmanager
    def _begun(self, connection: Connection) -> Iterator[Tx]:
        """Begin a transaction as the outbox's role; it is on nobody's behalf."""
        with connection.begin():
            now = connection.execute(_BEGIN, {"role": OUTBOX}).one().now
            deadline = time.monotonic() + TX_SECONDS
            yield Tx(connection, Caller("outbox", None, None, None, deadline), now, None)

    def _sweep(self) -> None:
        with self._database.background.connect() as connection:
            for statement in _SWEEP:
                with self._begun(connection):
                    connection.execute(statement)
