"""db's application inside the test's own process, with every statement written down."""

import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

from sqlalchemy import URL, event, text
from tests.support.databases import engine
from tests.support.processes import KEYS

from bookmeup.clients.db import LIMIT, Call
from bookmeup.clients.service_tokens import ServiceTokens
from bookmeup.clients.transport import InProcess
from bookmeup.db.app import create_app
from bookmeup.db.engine import Database

SECONDS = 30.0


class Statement(NamedTuple):
    """What PostgreSQL was asked, and with what."""

    text: str
    parameters: Any

    @property
    def is_savepoint(self) -> bool:
        return self.text.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK TO"))


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
        found: list[Statement] = []

        def write_down(_connection: object, _cursor: object, asked: str, given: object, *_: object) -> None:
            found.append(Statement(asked, given))

        engines = (self.database.writes, *self.database.reads.values())
        for one in engines:
            event.listen(one, "before_cursor_execute", write_down)
        try:
            yield found
        finally:
            for one in engines:
                event.remove(one, "before_cursor_execute", write_down)


@contextlib.asynccontextmanager
async def inside(url: URL, *, rate_limits: bool = False) -> AsyncIterator[Inside]:
    keys = {service: [KEYS[f"{service.upper()}_SERVICE_KEY"]] for service in ("auth", "logic")}
    app = create_app(url, keys, rate_limits=rate_limits)
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
