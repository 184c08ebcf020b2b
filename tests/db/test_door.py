"""The way to PostgreSQL: shut, silent, open again; and while its password is being changed."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool
from tests.support.databases import engine
from tests.support.inside import inside
from tests.support.postgres import Postgres
from tests.support.processes import LOOPBACK

from bookmeup.db import engine as pools
from bookmeup.db.door import KNOCK_SECONDS, REFUSED, Door
from bookmeup.db.migrations import migrate
from bookmeup.db.password import settle
from bookmeup.errors import Unavailable

OLD, NEW = "the-old-password", "the-new-password"
LIBPQ_SECONDS = 2.0


def connect(one: Engine) -> float:
    """Fail to connect, and return how long it took."""
    began = time.monotonic()
    with pytest.raises(OperationalError, match="shut"):
        one.connect()
    return time.monotonic() - began


def guarded(port: int) -> Engine:
    made = create_engine(
        f"postgresql+psycopg2://salon:x@{LOOPBACK}:{port}/bookmeup?connect_timeout=2", poolclass=NullPool
    )
    Door().guard(made)
    return made


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port that completes no handshake: its queue of one is full, as a network that drops everything."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind((LOOPBACK, 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((LOOPBACK, port))
        yield port


def test_a_shut_port_is_said_at_once() -> None:
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))  # nobody listens
        assert connect(guarded(unused.getsockname()[1])) < KNOCK_SECONDS


def test_a_silent_port_is_said_sooner_than_libpq_would_and_one_waits_for_all() -> None:
    with silent_port() as port:
        one = guarded(port)
        assert connect(one) < LIBPQ_SECONDS
        with ThreadPoolExecutor(12) as threads:
            times = sorted(threads.map(lambda _: connect(one), range(60)))
    assert times[0] < KNOCK_SECONDS / 2
    waited = [seconds for seconds in times if seconds >= KNOCK_SECONDS]
    assert len(waited) <= 6, "one at a time knocks"


def test_while_postgresql_is_silent_every_call_to_db_is_refused_before_libpq_would_give_up() -> None:
    async def main(url: URL) -> list[float]:
        async with inside(url) as db:

            async def call() -> float:
                began = time.monotonic()
                with pytest.raises(Unavailable):
                    await db.by().get("/services")
                return time.monotonic() - began

            return await asyncio.gather(*(call() for _ in range(40)))

    with silent_port() as port:
        times = asyncio.run(main(make_url(f"postgresql+psycopg2://salon:x@{LOOPBACK}:{port}/bookmeup")))
    assert max(times) < LIBPQ_SECONDS


def test_when_it_opens_again_the_next_one_goes_through() -> None:
    with socket.socket() as reserved:
        reserved.bind((LOOPBACK, 0))
        port = reserved.getsockname()[1]
        one = guarded(port)
        connect(one)
        reserved.listen()
        with pytest.raises(OperationalError, match="timeout expired"):  # who listens is no PostgreSQL and says nothing
            one.connect()


class Locked(NamedTuple):
    """A server that asks for a password, and the URLs of its login with the one or the other."""

    server: Postgres
    old: URL
    new: URL

    def lets_in(self, url: URL) -> bool:
        try:
            engine(url).connect().close()
        except OperationalError as error:
            return REFUSED not in str(error)
        return True

    def alter(self, password: str) -> None:
        with engine(self.server.url(), isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("ALTER ROLE salon PASSWORD :password"), {"password": password})


@pytest.fixture
def locked(own_postgres: Postgres) -> Iterator[Locked]:
    rules = "local all postgres trust\nlocal all salon scram-sha-256\n"
    Path(own_postgres.folder / "pg_hba.conf").write_text(rules)
    with engine(own_postgres.url(), isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text("CREATE ROLE salon LOGIN CREATEROLE PASSWORD :old"), {"old": OLD})
        connection.execute(text("CREATE DATABASE salon OWNER salon"))
        url = own_postgres.url("salon").set(username="salon", password=OLD)
        migrate(url)
        yield Locked(own_postgres, url, url.set(password=NEW))
        connection.execute(text("DROP DATABASE salon WITH (FORCE)"))
        connection.execute(
            text(
                "REASSIGN OWNED BY salon TO postgres; DROP OWNED BY salon; DROP ROLE bookmeup_auth; "
                "DROP ROLE bookmeup_logic; DROP ROLE bookmeup_outbox; DROP ROLE salon"
            )
        )


def test_who_knows_both_passwords_gets_in_before_and_after_the_change(locked: Locked) -> None:
    one = create_engine(locked.old, poolclass=NullPool)
    Door(NEW).guard(one)
    one.connect().close()
    locked.alter(NEW)
    one.connect().close()
    assert not locked.lets_in(locked.old)


def test_who_knows_neither_is_refused(locked: Locked) -> None:
    one = create_engine(locked.old.set(password="wrong"), poolclass=NullPool)
    Door("wrong too").guard(one)
    with pytest.raises(OperationalError, match="password authentication failed"):
        one.connect()


def test_full_pools_outlast_a_change_of_the_password(locked: Locked) -> None:
    database = pools.connect(locked.old)
    database.fill()
    try:
        locked.alter(NEW)
        with contextlib.ExitStack() as held:
            for one in database.engines:
                for _ in range(one.pool.size()):  # type: ignore[attr-defined]
                    assert held.enter_context(one.connect()).scalar(text("SELECT 1")) == 1
            with engine(locked.server.url()).connect() as connection:
                count = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bookmeup db'")
                assert connection.scalar(count) == pools.CAP
    finally:
        database.drop_idle()


def test_filling_twice_opens_nothing_more(locked: Locked) -> None:
    database = pools.connect(locked.old)
    try:
        for _ in range(2):
            database.fill()
        assert [one.pool.checkedin() for one in database.engines] == [6, 4, 1, 1]  # type: ignore[attr-defined]
    finally:
        database.drop_idle()


def test_the_login_is_given_the_new_password_once_and_the_server_never_reads_it(locked: Locked) -> None:
    with engine(locked.server.url(), isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("ALTER SYSTEM SET log_statement = 'all'"))
        connection.execute(text("SELECT pg_reload_conf()"))
    assert settle(locked.new, OLD) is True
    assert settle(locked.new, OLD) is False
    assert locked.lets_in(locked.new)
    assert not locked.lets_in(locked.old)
    logged = (locked.server.folder / "log").read_text()
    assert "ALTER ROLE CURRENT_USER PASSWORD" in logged
    assert NEW not in logged


def test_while_the_password_works_the_other_one_is_not_given(locked: Locked) -> None:
    assert settle(locked.old, NEW) is False
    assert locked.lets_in(locked.old)
