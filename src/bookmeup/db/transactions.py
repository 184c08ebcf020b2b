"""One call is one transaction: it runs as its caller's role, knows its actor, commits here and nowhere else.

A refusal rolls back. Serialization failures, deadlocks, clashes, connections that died before COMMIT are tried again.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection, Engine, Row, TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bookmeup.db.driver import ROLLBACK_TO, Transacting
from bookmeup.db.engine import ROLES, Database
from bookmeup.db.prepared import ask, in_notation
from bookmeup.db.violations import refusal_of, sqlstate
from bookmeup.domain.appointments import Actor
from bookmeup.domain.users import UserRole
from bookmeup.errors import DeadlinePassed, Overloaded, RoleNotAllowed, Unauthenticated, Unavailable

T = TypeVar("T")
TRIES = 3
_REPEATABLE = ("40001", "40P01", "23P01")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the service, the user on whose behalf, and how long the answer is awaited (monotonic seconds)."""

    service: str
    actor: int | None
    sid: str | None
    request_id: str | None
    deadline: float
    key: str | None = None
    if_match: str | None = None

    @property
    def milliseconds(self) -> int:
        """What is left for a statement; raises DeadlinePassed when nothing is."""
        left = int((self.deadline - time.monotonic()) * 1000) - 50
        if left <= 0:
            raise DeadlinePassed
        return left


@dataclass(frozen=True, slots=True)
class Tx:
    """An open transaction. `now` is its time in seconds since 1970, by the database's clock.

    `opened` is the row of its opening, and `ahead` what that has read already.
    """

    connection: Connection
    caller: Caller
    now: int
    acting: Actor | None
    opened: Row[Any] | None = None
    ahead: object = None

    @property
    def actor(self) -> Actor:
        if self.acting is None:
            raise Unauthenticated
        return self.acting

    def one(self, statement: TextClause, **values: object) -> Row[Any] | None:
        return ask(self.connection, statement, values).first()

    def all(self, statement: TextClause, **values: object) -> Sequence[Row[Any]]:
        return ask(self.connection, statement, values).all()

    def run(self, statement: TextClause, **values: object) -> int:
        """Return how many rows it touched."""
        return ask(self.connection, statement, values).rowcount

    def soon(self, statement: TextClause, **values: object) -> None:
        """Run a statement whose answer nobody needs: it goes to PostgreSQL with the next one, or with COMMIT."""
        soon(self.connection, statement, values)

    def set_savepoint(self) -> None:
        """Set the one that `undo` goes back to. COMMIT releases it, so nothing else has to."""
        _driver(self.connection).set_savepoint()

    def undo(self) -> None:
        """Undo all since the savepoint; the transaction goes on. At once where PostgreSQL takes nothing else."""
        driver = _driver(self.connection)
        if driver.failed:
            self.run(_UNDO)
        else:
            driver.undo()

    def as_customer(self) -> Actor:
        """Return the actor with a customer's rights: on the routes of one's own, staff are customers too."""
        return self.actor._replace(role=UserRole.CUSTOMER)

    def staff(self) -> Actor:
        """Return the actor, who must be staff."""
        return self._at_least((UserRole.STAFF, UserRole.ADMIN))

    def admin(self) -> Actor:
        return self._at_least((UserRole.ADMIN,))

    def _at_least(self, roles: tuple[UserRole, ...]) -> Actor:
        if self.actor.role not in roles:
            raise RoleNotAllowed
        return self.actor


_UNDO = text(ROLLBACK_TO)
_AS = "SELECT set_config('role', :role, true), set_config('statement_timeout', :timeout, true)"
_BECOME = text(_AS)
WHO = """extract(epoch FROM now())::bigint AS now,
       (SELECT u.role FROM users u JOIN sessions s ON s.user_id = u.id
        WHERE u.id = :actor AND s.id = :sid AND s.ended_at IS NULL AND s.expires_at > now()) AS actor_role"""
"""What every opening selects: the time, and the actor's role as it is now."""
OPENED = """json_to_record(CAST(current_setting('bookmeup.opened', true) AS json))
  AS opened (now bigint, actor_role text, claimed text)"""
"""What a statement of the same message has left for the one whose answer is read: psycopg2 returns the last alone."""


class Step(NamedTuple):
    """A statement and what is put into it; the actor and his session are put in besides."""

    statement: TextClause
    values: Mapping[str, object]


class Opening(NamedTuple):
    """How a transaction opens: `before` goes in the same message, and nobody sees its answers.

    One that `writes` needs its rights before it begins, so that the role is taken by a statement before it.
    `ahead` says what the statement reads besides.
    """

    statement: TextClause
    values: Mapping[str, object] = MappingProxyType({})
    writes: bool = True
    before: Sequence[Step] = ()
    ahead: object = None


PLAIN = Opening(text(f"{_AS}, {WHO}"), writes=False)


def transact(database: Database, caller: Caller, work: Callable[[Tx], T], opening: Opening = PLAIN) -> T:
    """Run the work in a transaction of its own and commit; nothing of it stays if it raises."""
    return _repeated(lambda: _once(database.writes, caller, work, opening))


def read(database: Database, caller: Caller, work: Callable[[Connection], T]) -> T:
    """Run one statement, or a few that need not agree, outside any transaction."""

    def once() -> T:
        caller.milliseconds  # noqa: B018 - refuses when too late
        with database.reads[caller.service].connect() as connection:
            return work(connection)

    return _repeated(once)


def _once(engine: Engine, caller: Caller, work: Callable[[Tx], T], opening: Opening) -> T:
    with engine.connect() as connection:
        opened = _opened(connection, caller, opening)
        acting = Actor(caller.actor, UserRole(opened.actor_role)) if caller.actor and opened.actor_role else None
        if caller.actor is not None and acting is None:
            raise Unauthenticated
        done = work(Tx(connection, caller, opened.now, acting, opened, opening.ahead))
        _commit(connection)
        return done


def _opened(connection: Connection, caller: Caller, opening: Opening) -> Row[Any]:
    """Begin as the caller's role and within his time, and return the row of the opening: one message in all."""
    rights = {"role": ROLES[caller.service], "timeout": str(caller.milliseconds)}
    everywhere = {**rights, "actor": caller.actor, "sid": caller.sid}
    if opening.writes:
        soon(connection, _BECOME, rights)
    for step in opening.before:
        soon(connection, step.statement, {**everywhere, **step.values})
    return ask(connection, opening.statement, {**everywhere, **opening.values}).one()


def soon(connection: Connection, statement: TextClause, values: Mapping[str, object]) -> None:
    """Have a statement go with the next one: past SQLAlchemy, which has nothing to read of it."""
    _driver(connection).defer(in_notation(statement, connection.dialect), values)


def _driver(connection: Connection) -> Transacting:
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, Transacting)
    return driver


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except DBAPIError as error:
        if sqlstate(error) and not error.connection_invalidated:
            raise  # PostgreSQL lives and says what was wrong: it did not happen
        raise Unavailable from error  # whether it happened is unknown: never repeated here, the key settles it


def _repeated(once: Callable[[], T]) -> T:
    for attempt in range(1, TRIES + 1):
        try:
            return once()
        except PoolTimeout as error:
            raise Overloaded from error
        except DBAPIError as error:
            if attempt < TRIES and (sqlstate(error) in _REPEATABLE or error.connection_invalidated):
                time.sleep(random.uniform(0.002, 0.02) * attempt)
                continue
            raise refusal_of(error) from error
    raise AssertionError  # the loop returns or raises
