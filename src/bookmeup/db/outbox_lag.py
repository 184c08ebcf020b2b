"""How long work has waited that is due: the figure to be alarmed by, beside whoever works the outbox off."""

import asyncio

from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bookmeup.db.engine import Database
from bookmeup.db.lanes import Lane

EVERY_SECONDS = 15.0
OLDEST = Gauge("bookmeup_outbox_oldest_due_seconds", "How long the oldest row that is due has waited; 0 without one.")
WAITING = Gauge("bookmeup_outbox_due_rows", "Rows that are due and not done.")
_DUE = text("""
SELECT count(*), coalesce(extract(epoch FROM now() - min(not_before)), 0)::float
FROM outbox WHERE done_at IS NULL AND not_before <= now()
""")


class OutboxLag:
    """Keeps the two figures up to date until it is cancelled."""

    def __init__(self, database: Database, lane: Lane) -> None:
        self._database = database
        self._lane = lane

    async def watch(self) -> None:
        while True:
            try:
                rows, seconds = await self._lane.run(self._look, patient=True)
            except SQLAlchemyError:
                pass  # readiness says so already, and the figures stay what they were
            else:
                WAITING.set(rows)
                OLDEST.set(seconds)
            await asyncio.sleep(EVERY_SECONDS)

    def _look(self) -> tuple[int, float]:
        with self._database.background.connect() as connection, connection.begin():
            rows, seconds = connection.execute(_DUE).one()
            return rows, seconds
