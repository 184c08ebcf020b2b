"""db's application inside the test's own process, on a database whose clock stands where the test puts it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import URL, CursorResult, text
from tests.support import databases
from tests.support.inside import Actor, Inside, inside, signed_in
from tests.support.salon import unique

from bookmeup.clients.db import Call, decoded
from bookmeup.clients.transport import Reply
from bookmeup.schemas.answers import Created
from bookmeup.schemas.business import NewProvider, WeeklyHours

T = TypeVar("T")
SECONDS = 60.0
# A now() that stands before PostgreSQL's own in the search path, without which nothing here knows the time.
_CLOCK = """
CREATE SCHEMA stopped;
CREATE TABLE stopped.clock (at timestamptz NOT NULL);
INSERT INTO stopped.clock VALUES (pg_catalog.now());
CREATE FUNCTION stopped.now() RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER
AS 'SELECT at FROM stopped.clock';
GRANT USAGE ON SCHEMA stopped TO PUBLIC;
ALTER FUNCTION end_holds SET search_path = stopped, pg_catalog, public;
"""


class Engine:
    """Calls db as logic does, one at a time; `set_clock` says what time it is there."""

    def __init__(self, loop: asyncio.AbstractEventLoop, db: Inside, url: URL) -> None:
        self._loop, self._db, self.url = loop, db, url
        self._connection = databases.engine(url, isolation_level="AUTOCOMMIT").connect()
        self.run_sql("SET synchronous_commit = off")  # a clock need not outlast a crash
        self.staff, self.customer = self.person("admin"), self.person("customer")

    def person(self, role: str) -> Actor:
        """Return somebody new whose session outlasts every clock."""
        actor = signed_in(self.url, role)
        self.run_sql("UPDATE sessions SET expires_at = 'infinity' WHERE user_id = :id", id=actor.id)
        return actor

    def set_clock(self, at: datetime) -> None:
        self.run_sql("UPDATE stopped.clock SET at = :at", at=at)

    def run_sql(self, statement: str, **values: object) -> CursorResult[Any]:
        return self._connection.execute(text(statement), values)

    def close(self) -> None:
        self._connection.close()

    def ask(self, who: Actor, call: Callable[[Call], Coroutine[Any, Any, Reply]], kind: type[T]) -> T:
        """Return the decoded answer; raises the refusal that db answers with."""
        asked = call(self._db.by(who, key=unique()))
        return decoded(asyncio.run_coroutine_threadsafe(asked, self._loop).result(SECONDS), kind)

    def make(self, path: str, body: Struct, query: Struct | None = None, who: Actor | None = None) -> int:
        """Post, and return the id of what was made; by staff if nobody is named."""
        return self.ask(who or self.staff, lambda call: call.post(path, body, query), Created).object_id

    def make_provider(self) -> int:
        """Return somebody new who is open all day, every day."""
        always = [WeeklyHours(weekday, "00:00", "24:00") for weekday in range(1, 8)]
        return self.make("/providers", NewProvider(name=unique(), hours=always))


@contextlib.contextmanager
def running(url: URL) -> Iterator[Engine]:
    """Run db's application on this database, in a thread of its own."""
    with databases.engine(url).begin() as connection:
        connection.exec_driver_sql(_CLOCK)
        connection.exec_driver_sql(f'ALTER DATABASE "{url.database}" SET search_path = stopped, pg_catalog, public')
    loop, ready = asyncio.new_event_loop(), Future[Inside]()
    over = asyncio.Event()

    async def main() -> None:
        async with inside(url) as db:
            ready.set_result(db)
            await over.wait()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    done = asyncio.run_coroutine_threadsafe(main(), loop)
    try:
        with contextlib.closing(Engine(loop, ready.result(SECONDS), url)) as engine:
            yield engine
    finally:
        loop.call_soon_threadsafe(over.set)
        done.result(SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
