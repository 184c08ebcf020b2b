"""db's application inside the test's own process, with every statement written down."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, NamedTuple
from unittest.mock import patch

from msgspec import Struct
from sqlalchemy import URL, Connection, Engine, TextClause, event, text
from tests.support.databases import engine
from tests.support.processes import KEYS

from bookmeup.clients.db import LIMIT, Call, decoded
from bookmeup.clients.service_tokens import ServiceTokens
from bookmeup.clients.transport import InProcess, Reply
from bookmeup.db import transactions
from bookmeup.db.app import create_app
from bookmeup.db.engine import Database
from bookmeup.db.prepared import in_notation
from bookmeup.db.transactions import soon
from bookmeup.errors import Conflict, NotFound

SECONDS = 30.0


class Statement(NamedTuple):
    """What PostgreSQL was asked, with what, and through which pool."""

    text: str
    parameters: Any
    pool: Engine

    @property
    def is_savepoint(self) -> bool:
        return self.text.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK TO"))


class Made(Struct):
    """The part of an answer that every kind of thing made has."""

    object_id: int


class Actor(NamedTuple):
    """A user with an open session."""

    id: int
    sid: str


class Inside:
    """The running application: its connections, and calls as another service makes them."""

    def __init__(self, transport: InProcess, database: Database) -> None:
        self.database = database
        self._transport = transport

    def by(self, actor: Actor | None = None, *, service: str = "logic", key: str | None = None) -> Call:
        tokens = ServiceTokens(service, [KEYS[f"{service.upper()}_SERVICE_KEY"]])
        token = tokens.issue(actor.id, actor.sid) if actor else tokens.issue(None, None)
        return Call(self._transport, token, time.monotonic() + SECONDS, {}, key)

    @contextlib.contextmanager
    def recorded(self) -> Iterator[list[Statement]]:
        """Write down the statements of calls; those of the background are not among them."""
        with written_down(self.database.writes, *self.database.reads.values()) as found:
            yield found


@contextlib.contextmanager
def written_down(*pools: Engine) -> Iterator[list[Statement]]:
    """Write down what is asked through these pools."""
    found: list[Statement] = []

    def write_down(connection: Connection, _cursor: object, asked: str, given: object, *_: object) -> None:
        found.append(Statement(asked, given, connection.engine))

    def deferred(connection: Connection, statement: TextClause, values: Mapping[str, object]) -> None:
        if connection.engine in pools:
            write_down(connection, None, in_notation(statement, connection.dialect), dict(values))
        soon(connection, statement, values)

    for pool in pools:
        event.listen(pool, "before_cursor_execute", write_down)
    try:
        with patch.object(transactions, "soon", deferred):  # SQLAlchemy does not see these
            yield found
    finally:
        for pool in pools:
            event.remove(pool, "before_cursor_execute", write_down)


@contextlib.asynccontextmanager
async def inside(url: URL, *, rate_limits: bool = False, works_outbox: bool = True) -> AsyncIterator[Inside]:
    keys = {service: [KEYS[f"{service.upper()}_SERVICE_KEY"]] for service in ("auth", "logic")}
    app = create_app(url, keys, rate_limits=rate_limits, works_outbox=works_outbox)
    async with app.router.lifespan_context(app):
        yield Inside(InProcess(app, LIMIT), app.state.database)


def signed_in(url: URL, role: str = "customer") -> Actor:
    """Make a user with an open session, without a password."""
    sid = str(uuid.uuid4())
    with engine(url).begin() as connection:
        made = connection.execute(
            text("""
            WITH made AS (INSERT INTO users (name, email, role) VALUES ('Ana', :email, :role) RETURNING id)
            INSERT INTO sessions (id, user_id, expires_at) SELECT :sid, id, now() + interval '1 hour' FROM made
            RETURNING user_id
            """),
            {"email": f"{sid}@x.example", "role": role, "sid": sid},
        )
        return Actor(made.scalar_one(), sid)


def asked_by(url: URL, work: Callable[[Inside], Awaitable[object]]) -> list[Statement]:
    """Return what PostgreSQL is asked while the work runs; a refusal is an answer too."""

    async def main() -> list[Statement]:
        async with inside(url) as db:
            with db.recorded() as statements, contextlib.suppress(Conflict, NotFound):
                await work(db)
            return statements

    return asyncio.run(main())


def counted(statements: list[Statement]) -> int:
    """Return how many there are, savepoints apart."""
    return sum(not statement.is_savepoint for statement in statements)


def number_in(reply: Reply) -> int:
    """Return the id of what was made."""
    return decoded(reply, Made).object_id
