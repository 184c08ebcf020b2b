"""The scripts of the component backup, on a real server: they outlast a change of the database password."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.manifests.combinations import ROOT
from tests.support.databases import engine
from tests.support.postgres import Postgres, programs

COMPONENT = ROOT / "kustomize" / "components" / "backup"
OLD, NEW = "the-old-password", "the-new-password"
TABLES = """
CREATE TABLE things AS SELECT generate_series(1, 3) AS id;
CREATE TABLE alembic_version AS SELECT '1' AS version_num
"""
RELOAD = "SELECT pg_reload_conf()"


@pytest.fixture
def locked(own_postgres: Postgres) -> Iterator[Postgres]:
    """A server that asks the role keeper for a password, the old one, and its database with a table of three rows."""
    rules = own_postgres.folder / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all postgres trust\nlocal all keeper scram-sha-256\n")
    say(own_postgres, f"CREATE ROLE keeper LOGIN PASSWORD '{OLD}'", "CREATE DATABASE keeper OWNER keeper", RELOAD)
    say(own_postgres, f"SET ROLE keeper; {TABLES}", database="keeper")
    yield own_postgres
    rules.write_text(before)
    say(own_postgres, "DROP DATABASE keeper WITH (FORCE)", "DROP ROLE keeper", RELOAD)


def say(server: Postgres, *statements: str, database: str = "postgres") -> None:
    with engine(server.url(database), isolation_level="AUTOCOMMIT").connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


def run(script: str, server: Postgres, folder: Path, first: str, other: str) -> "subprocess.CompletedProcess[str]":
    """Run the script as its pod does, but for the places: all of them are in `folder`."""
    for file in COMPONENT.iterdir():
        content = file.read_text()
        for place in ("/etc/bookmeup", "/backups", "/restore"):
            content = content.replace(place, str(folder))
        if not (folder / file.name).exists():
            (folder / file.name).write_text(content)
    environment = {
        "PATH": f"{programs().folder}{os.pathsep}{os.defpath}", "KEEP_DAYS": "14",
        "PGHOST": str(server.folder), "PGDATABASE": "keeper", "PGUSER": "keeper",
        "PGPASSWORD": first, "PASSWORD_NEXT": other,
    }  # fmt: skip
    command = ["sh", str(folder / script)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def changing(folder: Path, server: Postgres) -> None:
    """Have the password changed when psql has logged in and pg_dump and pg_dumpall have not."""
    change = f"psql -qX -h {server.folder} -U postgres -d postgres -c \"ALTER ROLE keeper PASSWORD '{NEW}'\""
    (folder / "counts.sql").write_text((COMPONENT / "counts.sql").read_text() + f"\n\\! {change}\n")


@pytest.mark.parametrize(("first", "other"), [(OLD, NEW), (NEW, OLD)], ids=["before", "after"])
def test_a_dump_and_a_restore_outlast_a_change_of_the_password(
    locked: Postgres, tmp_path: Path, first: str, other: str
) -> None:
    changing(tmp_path, locked)
    dumped = run("dump.sh", locked, tmp_path, first, other)
    assert dumped.returncode == 0, dumped.stderr
    (counts,) = tmp_path.glob("bookmeup-*.counts")
    assert counts.read_text().splitlines() == ["alembic_version|1", "things|3", "revision|1"]

    say(locked, "DROP TABLE things", database="keeper")
    restored = run("restore.sh", locked, tmp_path, first, other)
    assert restored.returncode == 0, restored.stderr
    say(locked, "SELECT 1 / count(*) FROM things", database="keeper")


def test_without_the_second_password_the_change_is_felt(locked: Postgres, tmp_path: Path) -> None:
    changing(tmp_path, locked)
    refused = run("dump.sh", locked, tmp_path, OLD, "")
    assert refused.returncode != 0
    assert "password authentication failed" in refused.stderr
    assert not list(tmp_path.glob("bookmeup-*.dump"))
