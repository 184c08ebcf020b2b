"""No statement reads a table that grows from end to end. `pytest -s` shows the plan of each.

What is done in a transaction is planned once for all values, and lists are planned with theirs: both are explained as
the product's own connections plan them, on a business of some years.
"""

import ast
import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import URL, Connection, text
from tests.support.databases import engine
from tests.support.everything import Cast, accepted, everything, worked_off
from tests.support.inside import Actor, Statement, inside, signed_in
from tests.support.plans import Plan, like, plans, run
from tests.support.statements import asked, modules, statements

from bookmeup.db.engine import connect
from bookmeup.db.tables import metadata

SETTLED = {
    "addons", "locations", "provider_services", "providers", "resources", "schema_compat", "services", "signing_keys",
    "weekly_hours",
}  # fmt: skip
"""Tables that grow with the business and not with time; all others do, and one that is new too."""
GROWING = metadata.tables.keys() - SETTLED

ALLOWED = {
    ("outbox._SWEEP[2]", "rate_limits"): "nearly all of its rows are over: it is swept every hour, they last minutes",
    ("queries.users._HAS_ADMIN", "users"): "it ends at the first admin, who came with the first users",
    ("queries.standing._PROVIDERS", "users"): "planned for ten providers, it hashes the users for all that is to come",
    ("queries.standing._SERVICES", "users"): "as that of the providers",
}

FEW = 100
"""However small a table is after it was swept."""


class Explained(NamedTuple):
    name: str
    plan: Plan


def test_every_table_that_grows_has_grown(busy: URL) -> None:
    """On a small one PostgreSQL reads all, and no plan would say anything."""
    with engine(busy).connect() as connection:
        for table in GROWING:
            assert _size(connection, table) > 4000, table


def _size(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - our own names


@pytest.fixture(scope="module")
def for_all_values(busy: URL) -> list[Explained]:
    """Every constant of the package and every function of the schema, as transactions have them planned."""
    database = connect(busy)
    with like(database.writes, busy).connect() as connection:
        kept = {**statements(), **_functions(connection)}
        found = [Explained(name, plan) for said, name in kept.items() for plan in plans(connection, said)]
    database.drop_idle()
    return found


def _functions(connection: Connection) -> dict[str, str]:
    """Return the bodies of our functions of one argument, as statements."""
    rows = connection.execute(
        text("""
        SELECT proname, proargnames[1] AS argument, format_type(proargtypes[0], NULL) AS type, prosrc FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'sql')
        AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
        """)
    )
    return {row.prosrc.replace(f"({row.argument})", f"(CAST(%(argument)s AS {row.type}))"): row.proname for row in rows}


def test_no_statement_reads_a_whole_table_that_grows(for_all_values: list[Explained]) -> None:
    _show(for_all_values)
    assert {"end_holds", "queries.appointments._CANCEL"} <= {name for name, _ in for_all_values}
    assert _scans(for_all_values) - ALLOWED.keys() == set()


def _show(explained: list[Explained]) -> None:
    """Print each plan once; `pytest -s` shows them."""
    print(*dict.fromkeys(f"{name}\n{plan.drawn()}" for name, plan in explained), sep="\n")  # noqa: T201 - to be seen


def _scans(explained: list[Explained]) -> set[tuple[str, str]]:
    return {(name, table) for name, plan in explained for table in plan.scanned() & GROWING}


class Asked(NamedTuple):
    """The plans of what was asked, and how it went where that changes nothing."""

    plans: list[Explained]
    runs: list[Explained]


@pytest.fixture(scope="module")
def as_asked(busy: URL, customer: Actor, service: int) -> Asked:
    """What is asked while everything that reads is done, as the pools that ask it have it planned."""
    with engine(busy).connect() as connection:
        provider = connection.execute(text("SELECT max(id) FROM providers")).scalar_one()
    cast = Cast(customer, signed_in(busy, "admin"), provider, service)

    async def main() -> Asked:
        async with inside(busy, rate_limits=True, works_outbox=False) as db:
            with db.recorded() as calls:
                await everything(db, cast)
            with worked_off(busy) as work:
                with db.recorded() as later:
                    await accepted(db, cast)
                recorded = [*calls, *work, *later]
                return Asked(*(list(_explained(busy, recorded, how)) for how in (plans, run)))

    return asyncio.run(main())


def _explained(
    url: URL, recorded: list[Statement], explain: Callable[[Connection, str, Any], list[Plan]]
) -> Iterator[Explained]:
    """Yield the plans of what was asked, as the pool has them that asked it."""
    names = statements()
    for pool in {one.pool for one in recorded}:
        asked_there = {(one.text, str(one.parameters)): one for one in recorded if one.pool is pool}
        with like(pool, url).connect() as connection:
            for one in asked_there.values():
                found = explain(connection, one.text, one.parameters)
                yield from (Explained(names.get(one.text, one.text), plan) for plan in found)


def test_none_reads_a_whole_table_that_grows_with_the_values_that_it_is_asked_with(as_asked: Asked) -> None:
    _show(as_asked.plans)
    assert _scans(as_asked.plans) - ALLOWED.keys() == set()


def test_none_looks_at_most_of_a_table_that_grows_by_an_index_either(busy: URL, as_asked: Asked) -> None:
    """Whoever follows an index and drops what it finds reads as much as without one."""
    with engine(busy).connect() as connection:
        halves = {table: max(FEW, _size(connection, table) / 2) for table in GROWING}
    looked_at = [(name, table, rows) for name, plan in as_asked.runs for table, rows in plan.read().items()]
    assert len({name for name, _, _ in looked_at}) > 40
    most = {(name, table) for name, table, rows in looked_at if rows > halves.get(table, rows)}
    assert most - ALLOWED.keys() == set()


def test_whatever_reads_a_table_that_grows_is_asked_with_values(
    for_all_values: list[Explained], as_asked: Asked
) -> None:
    """A new one that nothing in `everything` asks fails here."""
    reading = {name for name, plan in for_all_values if plan.only_reads() and plan.tables() & GROWING}
    assert reading - {name for name, _ in as_asked.plans} == set()


def test_a_statement_is_a_constant_unless_it_touches_no_table_that_grows() -> None:
    """One that is made where it is asked is explained nowhere. The demo fills an empty database."""
    constants = statements()
    for module in modules():
        if module.__name__ != "bookmeup.db.demo":
            for words in _made_in_functions(ast.parse(Path(str(module.__file__)).read_text())):
                if GROWING & set(words.replace(",", " ").split()):
                    assert any(words in kept for kept in constants), (module.__name__, words)


INSIDE = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def _made_in_functions(tree: ast.Module) -> Iterator[str]:
    """Yield the literal parts of what functions and classes give to `text`."""
    calls = (node for outer in ast.walk(tree) if isinstance(outer, INSIDE)
             for node in ast.walk(outer) if isinstance(node, ast.Call))  # fmt: skip
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id == "text":
            for part in ast.walk(call):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield asked(text(part.value))


def test_what_a_deletion_takes_with_it_is_found_by_an_index(busy: URL) -> None:
    """PostgreSQL looks for the rows that refer to a deleted one, and no plan shows it."""
    deleted = {found for kept in statements() for found in re.findall(r"DELETE FROM (\w+)", kept)}
    assert {"services", "outbox"} <= deleted
    with engine(busy).connect() as connection:
        rows = connection.execute(_KEYS, {"deleted": list(deleted)}).all()
    assert [tuple(row) for row in rows if row.table in GROWING] == []


_KEYS = text("""
SELECT k.conrelid::regclass::text AS table, k.conname AS key FROM pg_constraint k
WHERE k.contype = 'f' AND k.confrelid::regclass::text = ANY(:deleted) AND NOT EXISTS (
  SELECT 1 FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1] AND i.indpred IS NULL)
""")
