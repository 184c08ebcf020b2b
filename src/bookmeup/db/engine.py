"""Connections to PostgreSQL: at most 12 a process over all pools, each with its deadlines."""

from dataclasses import dataclass

import msgspec
from sqlalchemy import URL, Engine, create_engine

from bookmeup.db.driver import Connection, Cursor, Transacting

AUTH, LOGIC, OUTBOX = "bookmeup_auth", "bookmeup_logic", "bookmeup_outbox"
ROLES = {"auth": AUTH, "logic": LOGIC}
"""The role without login that the transactions of a calling service run as."""

WRITES, LOGIC_READS, AUTH_READS, BACKGROUND = 6, 4, 1, 1
CAP = WRITES + LOGIC_READS + AUTH_READS + BACKGROUND
assert CAP == 12  # noqa: PLR2004 - the manifests' connection budget counts on it


@dataclass(frozen=True, slots=True)
class Database:
    """The pools of a process. `reads` start as their role and run each statement by itself."""

    writes: Engine
    reads: dict[str, Engine]
    background: Engine

    @property
    def engines(self) -> tuple[Engine, ...]:
        return self.writes, *self.reads.values(), self.background

    def drop_idle(self) -> None:
        """Close the connections that nobody uses."""
        for engine in self.engines:
            engine.dispose(close=True)


def connect(url: str | URL) -> Database:
    return Database(
        writes=_engine(url, WRITES),
        reads={"logic": _engine(url, LOGIC_READS, LOGIC), "auth": _engine(url, AUTH_READS, AUTH)},
        background=_engine(url, BACKGROUND, OUTBOX),
    )


def _engine(url: str | URL, size: int, reads_as: str | None = None) -> Engine:
    options = "-c statement_timeout=5000 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=15000"
    if reads_as is not None:
        options += f" -c role={reads_as}"
    return create_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=2,
        pool_recycle=1800,
        **({} if reads_as is None else {"isolation_level": "AUTOCOMMIT"}),
        use_native_hstore=False,  # it would look for the type in a transaction that it leaves open
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
        connect_args={
            "connection_factory": Transacting if reads_as is None else Connection,
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
