"""psycopg2's connections, taught to prepare statements and to send several at once.

By itself psycopg2 writes the values into a statement, so that PostgreSQL parses and plans every call anew, and it sends
BEGIN and COMMIT by themselves. Here a statement is prepared once a connection and executed by its name from then on;
BEGIN goes with the first statement, and what needs no answer with the next one, or with COMMIT. A booking is two
messages in place of ten, and holds its lock from the end of the first to that of the second.

A prepared statement belongs to a connection, which a proxy between db and PostgreSQL must therefore not share.
https://www.postgresql.org/docs/15/sql-prepare.html
https://www.postgresql.org/docs/15/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from psycopg2 import extensions  # type: ignore[import-untyped]

from bookmeup.db.prepared import Prepared, prepared

BEGIN, COMMIT, ROLLBACK = b"BEGIN ISOLATION LEVEL READ COMMITTED", b"COMMIT", b"ROLLBACK"


class Ahead(NamedTuple):
    """A statement that goes with the next message, and what that statement must have been prepared as."""

    text: bytes
    prepared: Prepared | None


ROLLBACK_TO = "ROLLBACK TO SAVEPOINT work"
SAVEPOINT, UNDO = Ahead(b"SAVEPOINT work", None), Ahead(ROLLBACK_TO.encode(), None)


class Connection(extensions.connection):  # type: ignore[misc]
    """A connection that knows what it has prepared."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._names: set[str] = set()

    def prepare(self, statement: Prepared) -> None:
        """Have the statement known here by its name."""
        if statement.name not in self._names:
            with self.cursor() as cursor:
                extensions.cursor.execute(cursor, statement.prepare)
            self._names.add(statement.name)

    def message(self, statement: bytes) -> bytes:
        """Return what is sent for a statement."""
        return statement


class Transacting(Connection):
    """One that begins and ends its transactions itself; psycopg2 believes it to be in autocommit."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.autocommit = True
        self._ahead: list[Ahead] = []

    @property
    def idle(self) -> bool:
        return bool(self.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE)

    @property
    def failed(self) -> bool:
        return bool(self.info.transaction_status == extensions.TRANSACTION_STATUS_INERROR)

    def defer(self, query: str, values: Mapping[str, object]) -> None:
        """Keep a statement for the next message. Nothing is sent before that, so nothing can fail here."""
        statement = prepared(query)
        with self.cursor() as cursor:
            self._ahead.append(Ahead(cursor.mogrify(statement.execute if statement else query, values), statement))

    def set_savepoint(self) -> None:
        """Keep one for the next message, unless that is COMMIT: what fails there is undone altogether."""
        self._ahead.append(SAVEPOINT)

    def undo(self) -> None:
        """Forget what was deferred since the savepoint; what was sent since is undone by the next message."""
        if SAVEPOINT in self._ahead:
            del self._ahead[self._ahead.index(SAVEPOINT) :]
        else:
            self._ahead = [UNDO]

    def message(self, statement: bytes) -> bytes:
        """Put BEGIN, where a transaction begins, and what was deferred before the statement."""
        for each in self._ahead:
            if each.prepared is not None:
                self.prepare(each.prepared)
        parts = [*([BEGIN] if self.idle else []), *(each.text for each in self._ahead), statement]
        self._ahead.clear()
        return b";".join(parts)

    def commit(self) -> None:
        """Send COMMIT after what was deferred. If that fails COMMIT is not reached, and the transaction ends here.

        SQLAlchemy takes it to be over once COMMIT was asked for: it would stay open, its locks too, in the pool.
        """
        self._ahead = [each for each in self._ahead if each is not SAVEPOINT]
        if self._ahead or not self.idle:
            try:
                self._send(self.message(COMMIT))
            finally:
                if self.failed:
                    self.rollback()

    def rollback(self) -> None:
        self._ahead.clear()
        if not self.idle:
            self._send(ROLLBACK)

    def _send(self, message: bytes) -> None:
        with self.cursor() as cursor:
            extensions.cursor.execute(cursor, message)


class Cursor(extensions.cursor):  # type: ignore[misc]
    """Sends statements with named values as prepared ones, anything else as it is."""

    def execute(self, query: str, vars: Any = None) -> None:  # noqa: A002 - psycopg2's name
        statement = prepared(query) if isinstance(vars, dict) else None
        connection = self.connection
        if statement is not None:
            connection.prepare(statement)
        super().execute(connection.message(self.mogrify(statement.execute if statement else query, vars)))

    def executemany(self, query: str, vars_list: Any) -> None:
        for values in vars_list:  # psycopg2's own goes past `execute`, and so past BEGIN
            self.execute(query, values)
