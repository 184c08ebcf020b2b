"""Connections to PostgreSQL: at most 12 a process over all pools, a worker's 1, each with its deadlines."""

import contextlib
from dataclasses import dataclass

import msgspec
from sqlalchemy import URL, Engine, QueuePool, create_engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bookmeup.db.door import Door
from bookmeup.db.driver import Connection, Cursor, Transacting

AUTH, LOGIC, OUTBOX = "bookmeup_auth", "bookmeup_logic", "bookmeup_outbox"
ROLES = {"auth": AUTH, "logic": LOGIC}
"""The role without login that the transactions of a calling service run as."""

WRITES, LOGIC_READS, AUTH_READS, BACKGROUND = 6, 4, 1, 1
CAP = WRITES + LOGIC_READS + AUTH_READS + BACKGROUND
assert (CAP, BACKGROUND) == (12, 1)  # the manifests' connection budget counts on it


@dataclass(frozen=True, slots=True)
class Database:
    """The pools of a process. `reads` start as their role and run each statement by itself."""

    writes: Engine
    reads: dict[str, Engine]
    background: Engine

    @property
    def engines(self) -> tuple[Engine, ...]:
        return self.writes, *self.reads.values(), self.background

    def fill(self) -> None:
        """Open all the connections there may be, so that from then on nothing waits for a new one.

        Raises SQLAlchemy's DBAPIError if PostgreSQL does not let them in.
        """
        for engine in self.engines:
            _fill(engine)

    def drop_idle(self) -> None:
        """Close the connections that nobody uses."""
        for engine in self.engines:
            engine.dispose(close=True)


def connect(url: str | URL, other_password: str = "") -> Database:
    """Return the pools, empty as yet. `other_password` is tried where the server refuses the URL's."""
    door = Door(other_password)
    return Database(
        writes=_engine(door, url, WRITES, transacting=True),
        reads={"logic": _engine(door, url, LOGIC_READS, LOGIC), "auth": _engine(door, url, AUTH_READS, AUTH)},
        background=_engine(door, url, BACKGROUND, OUTBOX, transacting=True),
    )


def connect_worker(url: str | URL, other_password: str = "") -> Database:
    """Return the one pool of a process that does nothing but background work: BACKGROUND connections and never more."""
    background = _engine(Door(other_password), url, BACKGROUND, OUTBOX, transacting=True)
    return Database(writes=background, reads={}, background=background)


def _fill(engine: Engine) -> None:
    pool = engine.pool
    assert isinstance(pool, QueuePool)
    with contextlib.ExitStack() as held, contextlib.suppress(PoolTimeout):  # whoever has the last one opened it
        while pool.checkedout() < pool.size():
            held.enter_context(engine.connect())


def _engine(door: Door, url: str | URL, size: int, role: str | None = None, *, transacting: bool = False) -> Engine:
    """Return a pool whose connections start as a role; unless they are `transacting` each statement is by itself."""
    options = "-c statement_timeout=5000 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=15000"
    # Plans are kept, and one that was made for a small table must not read a large one through: the default is a disk's
    # whose arm has to move.
    options += " -c random_page_cost=1.1"
    if transacting:
        # By itself PostgreSQL plans each statement anew for the first five of its calls on a connection: 2 ms for a
        # calendar's, while providers' rows are locked, and a second of processor time for a replica that starts. Reads
        # keep that: lists have filters that a plan for all values could not use.
        options += " -c plan_cache_mode=force_generic_plan"
    if role is not None:
        options += f" -c role={role}"
    engine = create_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=2,
        pool_recycle=1800,
        **({} if transacting else {"isolation_level": "AUTOCOMMIT"}),
        use_native_hstore=False,  # it would look for the type in a transaction that it leaves open
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
        connect_args={
            "connection_factory": Transacting if transacting else Connection,
            "cursor_factory": Cursor,
            "options": options,
            "connect_timeout": 2,
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 2000,
            "application_name": "bookmeup db",
        },
    )
    door.guard(engine)
    return engine
