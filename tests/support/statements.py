"""The statements that the db package keeps as constants, found where they are kept: a new one is found by itself."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType

from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql.psycopg2 import dialect

from bookmeup import db

_DIALECT = dialect()  # type: ignore[no-untyped-call]


def modules() -> list[ModuleType]:
    return [importlib.import_module(found.name) for found in pkgutil.walk_packages(db.__path__, "bookmeup.db.")]


def statements() -> dict[str, str]:
    """Return each statement as the driver is asked it, with the name of the constant that keeps it."""
    kept: dict[str, str] = {}
    for module in modules():
        for name, value in vars(module).items():
            for place, clause in _within(value):
                kept.setdefault(asked(clause), f"{module.__name__.removeprefix('bookmeup.db.')}.{name}{place}")
    return kept


def asked(clause: TextClause) -> str:
    return str(clause.compile(dialect=_DIALECT))


def _within(value: object) -> Iterator[tuple[str, TextClause]]:
    if isinstance(value, TextClause):
        yield "", value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from ((f"[{key}]{place}", clause) for place, clause in _within(one))
    elif isinstance(value, tuple | list):
        for number, one in enumerate(value):
            yield from ((f"[{number}]{place}", clause) for place, clause in _within(one))
