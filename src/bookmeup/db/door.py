"""The way to PostgreSQL: who finds it shut is told at once, and a password that is being changed keeps nobody out.

libpq waits two seconds at least for a server that does not answer (`connect_timeout`), which is longer than a client
of ours is to wait for its 503. So there is a knock at the port before each new connection. While nobody opens, one
thread at a time goes on knocking and everybody else is turned away without waiting.

https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNECT-CONNECT-TIMEOUT
"""

import socket
from threading import Lock
from typing import Any

import psycopg2  # type: ignore[import-untyped]
from sqlalchemy import Dialect, Engine, event

KNOCK_SECONDS = 0.3
REFUSED = "password authentication failed"


class Door:
    """Opens the connections of one process, over all its pools.

    `other_password` is tried where the server refuses the one in the URL: while the password is being changed a process
    knows both, and its connections work before and after the change.
    """

    def __init__(self, other_password: str = "") -> None:
        self._other = other_password
        self._shut = False
        self._knocking = Lock()

    def guard(self, engine: Engine) -> None:
        """Let the engine's new connections go through here."""
        event.listen(engine, "do_connect", self._connect)

    def _connect(self, dialect: Dialect, _record: object, arguments: Any, options: dict[str, Any]) -> Any:
        """Raises psycopg2's OperationalError, as connecting itself does."""
        self._knock(options.get("host", ""), int(options.get("port", 5432)))
        try:
            return dialect.connect(*arguments, **options)
        except psycopg2.OperationalError as error:
            if not self._other or REFUSED not in str(error):
                raise
        return dialect.connect(*arguments, **(options | {"password": self._other}))

    def _knock(self, host: str, port: int) -> None:
        if (
            not host or host.startswith("/") or "," in host
        ):  # a socket in a folder, or several hosts: libpq's own affair
            return
        if not self._shut:
            self._try(host, port)
        elif self._knocking.acquire(blocking=False):
            try:
                self._try(host, port)
            finally:
                self._knocking.release()
        else:
            raise psycopg2.OperationalError("PostgreSQL's port is shut")

    def _try(self, host: str, port: int) -> None:
        try:
            socket.create_connection((host, port), KNOCK_SECONDS).close()
        except OSError as error:
            self._shut = True
            raise psycopg2.OperationalError(f"PostgreSQL's port {host}:{port} is shut: {error}") from error
        self._shut = False
