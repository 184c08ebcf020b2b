"""What a migration does to PostgreSQL that the version which runs meanwhile would not survive.

Judged by the catalog before and after, not by reading the script. A script that says `contract = "why nobody needs it
any more"` may take away; it still has to build its indexes CONCURRENTLY.
https://www.postgresql.org/docs/15/catalog-pg-attribute.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, event, text
from tests.support.databases import engine

MARKER = "contract"
_OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast|^pg_temp'"
_RELATIONS = text(f"""
SELECT c.oid, n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND {_OURS} AND c.relname NOT IN ('alembic_version', 'schema_compat')""")  # noqa: S608
_COLUMNS = text("""
SELECT attrelid, attnum, attname, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> ''
FROM pg_attribute WHERE attrelid = ANY(:oids) AND attnum > 0 AND NOT attisdropped""")
_INDEXES = text("""
SELECT i.indexrelid, c.relname, i.indrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY(:oids)""")
_CONCURRENTLY = re.compile(r'\bindex\s+concurrently\s+(?:if\s+not\s+exists\s+)?"?(\w+)', re.IGNORECASE)


class Column(NamedTuple):
    name: str
    type: str
    not_null: bool
    has_default: bool


@dataclass(frozen=True)
class Catalog:
    """Tables and views by oid, their columns by (oid, number), their indexes by oid as (name, table)."""

    relations: dict[int, str]
    columns: dict[tuple[int, int], Column]
    indexes: dict[int, tuple[str, int]]


def catalog(connection: Connection) -> Catalog:
    relations: dict[int, str] = {row[0]: row[1] for row in connection.execute(_RELATIONS)}
    known = {"oids": list(relations)}
    columns = {(row[0], row[1]): Column(*row[2:]) for row in connection.execute(_COLUMNS, known)}
    indexes = {row[0]: (row[1], row[2]) for row in connection.execute(_INDEXES, known)}
    return Catalog(relations, columns, indexes)


def judge(url: URL, config: Config) -> dict[str, list[str]]:
    """Take a database from its revision to head, and return what each script may not do, by revision."""
    scripts = ScriptDirectory.from_config(config)
    found: dict[str, list[str]] = {}
    with engine(url).connect() as connection:
        config.attributes["connection"] = connection
        (at,) = connection.scalars(text("SELECT version_num FROM alembic_version"))
        for script in reversed(list(scripts.iterate_revisions("head", at))):
            if script.revision == at:
                continue
            before = catalog(connection)
            asked = _upgrade(connection, config, script.revision)
            after = catalog(connection)
            connection.rollback()
            faults = list(_slow(before, after, asked))
            if not getattr(script.module, MARKER, ""):
                faults += _gone(before, after)
            found[script.revision] = faults
    return found


def _upgrade(connection: Connection, config: Config, revision: str) -> list[str]:
    """Run one script and return the statements that it sent."""
    asked: list[str] = []

    def write_down(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    connection.rollback()
    event.listen(connection, "before_cursor_execute", write_down)
    try:
        command.upgrade(config, revision)
        connection.commit()
    finally:
        event.remove(connection, "before_cursor_execute", write_down)
    return asked


def _gone(before: Catalog, after: Catalog) -> Iterator[str]:
    """Yield what the running version reads or writes and does not find as it was."""
    for oid, name in before.relations.items():
        if after.relations.get(oid) != name:
            yield f"{name} is {'renamed' if oid in after.relations else 'dropped'}"
    for (oid, number), was in before.columns.items():
        where, now = f"{before.relations[oid]}.{was.name}", after.columns.get((oid, number))
        if oid in after.relations and now is None:
            yield f"{where} is dropped"
        elif now is not None:
            yield from _changed(where, was, now)
    for key in after.columns.keys() - before.columns.keys():
        made = after.columns[key]
        if key[0] in before.relations and made.not_null and not made.has_default:
            yield f"{after.relations[key[0]]}.{made.name} is added NOT NULL without a default"


def _changed(where: str, was: Column, now: Column) -> Iterator[str]:
    if now.name != was.name:
        yield f"{where} is renamed"
    if now.type != was.type:
        yield f"{where} changes its type"
    if now.not_null and not was.not_null:
        yield f"{where} is SET NOT NULL"
    if was.has_default and now.not_null and not now.has_default:
        yield f"{where} is NOT NULL and loses its default"


def _slow(before: Catalog, after: Catalog, asked: list[str]) -> Iterator[str]:
    """Yield the indexes whose making kept the writers of a table out."""
    concurrently = {name for statement in asked for name in _CONCURRENTLY.findall(statement)}
    for oid in after.indexes.keys() - before.indexes.keys():
        name, table = after.indexes[oid]
        if table in before.relations and name not in concurrently:
            yield f"index {name} is built on {before.relations[table]} without CONCURRENTLY"
