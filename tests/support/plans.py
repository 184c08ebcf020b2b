"""How PostgreSQL would answer a statement: its plan as the product's own connections get it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, Engine
from tests.support.databases import engine

from bookmeup.db.prepared import prepared

_NAMES = re.compile(r"%\((\w+)\)s")
_TUNED = "SELECT name, setting FROM pg_settings WHERE source = 'client' AND category LIKE 'Query Tuning%%'"
TIMES = 7
"""After five times PostgreSQL may plan a prepared statement without looking at its values: that plan counts too."""


class Plan(NamedTuple):
    """A plan as EXPLAIN's JSON has it."""

    root: Mapping[str, Any]

    def nodes(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield each node with how deep it lies."""
        yield from _below(self.root, 0)

    def tables(self) -> set[str]:
        return {node["Relation Name"] for _, node in self.nodes() if "Relation Name" in node}

    def scanned(self) -> set[str]:
        """Return the tables that are read from end to end."""
        return {node["Relation Name"] for _, node in self.nodes() if node["Node Type"] == "Seq Scan"}

    def read(self) -> dict[str, int]:
        """Return how many rows of each table were looked at, of a statement that was run."""
        found: dict[str, int] = {}
        for _, node in self.nodes():
            if "Relation Name" in node:
                rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                found[node["Relation Name"]] = found.get(node["Relation Name"], 0) + rows * node["Actual Loops"]
        return found

    def only_reads(self) -> bool:
        return not {"ModifyTable", "LockRows"} & {node["Node Type"] for _, node in self.nodes()}

    def drawn(self) -> str:
        """Return a line for each node."""
        return "\n".join("  " * (depth + 1) + _line(node) for depth, node in self.nodes())


def _below(node: Mapping[str, Any], depth: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    yield depth, node
    for below in node.get("Plans", ()):
        yield from _below(below, depth + 1)


def _line(node: Mapping[str, Any]) -> str:
    names = (str(node[name]) for name in ("Relation Name", "Index Name", "CTE Name") if name in node)
    return " ".join([node["Node Type"], *names])


def like(pool: Engine, url: URL) -> Engine:
    """Return an engine whose connections plan as those of a pool of the product, and are no role's."""
    with pool.connect() as connection:
        options = " ".join(f"-c {name}={value}" for name, value in connection.exec_driver_sql(_TUNED))
    return engine(url, connect_args={"options": options})


def plans(connection: Connection, asked: str, values: Mapping[str, object] | None = None) -> list[Plan]:
    """Prepare and explain a statement as often as plans may differ, once without values; nothing if it has no plan."""
    return _explained(connection, "FORMAT JSON", asked, values, 1 if values is None else TIMES)


def run(connection: Connection, asked: str, values: Mapping[str, object]) -> list[Plan]:
    """Run a statement and return its plan with what it read; nothing if it may change or lock something."""
    reads = all(plan.only_reads() for plan in plans(connection, asked, values)) and "end_holds(" not in asked
    return _explained(connection, "ANALYZE, FORMAT JSON", asked, values, 1) if reads else []


def _explained(
    connection: Connection, how: str, asked: str, values: Mapping[str, object] | None, times: int
) -> list[Plan]:
    known = prepared(asked)
    if known is None:
        return []
    given = dict.fromkeys(_NAMES.findall(known.execute)) if values is None else dict(values)
    connection.exec_driver_sql(known.prepare)
    explain = f"EXPLAIN ({how}) {known.execute}"
    found = [connection.exec_driver_sql(explain, given).scalar_one()[0]["Plan"] for _ in range(times)]
    connection.exec_driver_sql(f"DEALLOCATE {known.name}")
    connection.rollback()  # whoever opens a transaction becomes somebody else
    return [Plan(plan) for plan in found]
