"""Statements as each connection prepares them: PostgreSQL plans them a few times, and not at every call."""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import Connection, CursorResult, Dialect, TextClause

MOST = 500
_PREPARABLE = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
_VALUE = re.compile(r"%\((\w+)\)s|%%")


class Prepared(NamedTuple):
    """A statement's name, and how it is prepared and executed."""

    name: str
    prepare: str
    execute: str


_known: dict[str, Prepared | None] = {}
_numbers = count()


def ask(connection: Connection, statement: TextClause, values: Mapping[str, object] | None = None) -> CursorResult[Any]:
    """Run a statement in the driver's notation: SQLAlchemy's own way to it takes twice the time, for nothing here."""
    return connection.exec_driver_sql(in_notation(statement, connection.dialect), dict(values or {}))


@lru_cache(maxsize=MOST)
def in_notation(statement: TextClause, dialect: Dialect) -> str:
    """Return a statement as psycopg2 takes it."""
    return str(statement.compile(dialect=dialect))


def prepared(query: str) -> Prepared | None:
    """Return how to prepare a statement in psycopg2's notation, None for one that cannot be.

    Statements are constants of the program; more than a number of them means that they are not, and ends it.
    """
    if query not in _known:
        if len(_known) >= MOST:
            return None
        _known.setdefault(query, _made(query, f"s{next(_numbers)}") if _PREPARABLE.match(query) else None)
    return _known[query]


def _made(query: str, name: str) -> Prepared:
    names: list[str] = []

    def numbered(found: re.Match[str]) -> str:
        value = found[1]
        if value is None:
            return "%"
        if value not in names:
            names.append(value)
        return f"${names.index(value) + 1}"

    statement = _VALUE.sub(numbered, query)
    values = f" ({', '.join(f'%({value})s' for value in names)})" if names else ""
    return Prepared(name, f"PREPARE {name} AS {statement}", f"EXECUTE {name}{values}")
