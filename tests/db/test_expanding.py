"""A release must not take from the one that still runs: expand, deploy, backfill, contract, in separate releases."""

from pathlib import Path

import pytest
from sqlalchemy import text
from tests.conftest import NewDatabase
from tests.support.databases import engine
from tests.support.judge import judge
from tests.support.scripts import NEXT, add_script, configured

from bookmeup.db.migrations import configuration, migrate, run

FIRST = "0001"


def test_no_migration_after_the_first_takes_from_the_version_that_runs(new_database: NewDatabase) -> None:
    url = new_database(empty=True)
    run(engine(url), FIRST)
    config = configuration()
    config.attributes |= {"timezone": "UTC", "currency": "EUR"}
    assert {revision: faults for revision, faults in judge(url, config).items() if faults} == {}


BAD = {
    "DROP TABLE outbox": "public.outbox is dropped",
    "ALTER TABLE outbox RENAME TO outgoing": "public.outbox is renamed",
    "ALTER TABLE users DROP COLUMN name": "public.users.name is dropped",
    "ALTER TABLE users RENAME COLUMN name TO called": "public.users.name is renamed",
    "ALTER TABLE users ALTER COLUMN name TYPE varchar(40)": "public.users.name changes its type",
    "ALTER TABLE sessions ALTER COLUMN ended_at SET NOT NULL": "public.sessions.ended_at is SET NOT NULL",
    "ALTER TABLE outbox ALTER COLUMN attempts DROP DEFAULT": "public.outbox.attempts is NOT NULL and loses its default",
    "ALTER TABLE users ADD COLUMN shoe int NOT NULL": "public.users.shoe is added NOT NULL without a default",
    "DO $$ BEGIN EXECUTE 'ALTER TABLE users DROP COLUMN ' || 'name'; END $$": "public.users.name is dropped",
}
SLOW = {
    "CREATE INDEX slow ON users (email)": "index slow is built on public.users without CONCURRENTLY",
    "ALTER TABLE users ADD CONSTRAINT slow UNIQUE (role)": "index slow is built on public.users without CONCURRENTLY",
}
GOOD = (
    "ALTER TABLE users ADD COLUMN shoe int",
    "ALTER TABLE users ADD COLUMN hat int NOT NULL DEFAULT 1",
    "ALTER TABLE users ADD COLUMN number int GENERATED ALWAYS AS IDENTITY",
    "CREATE TABLE shoes (id int PRIMARY KEY, name text NOT NULL UNIQUE)",
    "CREATE INDEX shoes_by_name ON shoes (name)",
    "ALTER TABLE outbox ALTER COLUMN attempts DROP NOT NULL",
)


def judged(new_database: NewDatabase, folder: Path, *statements: str, **options: object) -> list[str]:
    config = configured(add_script(folder, *statements, **options))  # type: ignore[arg-type]
    url = new_database(empty=True)
    migrate(url)
    return judge(url, config)[NEXT]


@pytest.mark.parametrize(("statement", "fault"), (BAD | SLOW).items())
def test_what_the_running_version_would_not_survive_is_refused(
    new_database: NewDatabase, tmp_path: Path, statement: str, fault: str
) -> None:
    assert judged(new_database, tmp_path, statement) == [fault]


def test_what_adds_is_allowed(new_database: NewDatabase, tmp_path: Path) -> None:
    assert judged(new_database, tmp_path, *GOOD) == []


def test_all_faults_are_told_at_once(new_database: NewDatabase, tmp_path: Path) -> None:
    faults = judged(new_database, tmp_path, "ALTER TABLE users DROP COLUMN name", "DROP TABLE outbox")
    assert sorted(faults) == ["public.outbox is dropped", "public.users.name is dropped"]


def test_what_says_that_it_contracts_may_take_away_but_not_lock_writers_out(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    reason = 'contract = "since 0.2.0 nobody reads it"'
    faults = judged(new_database, tmp_path, "ALTER TABLE users DROP COLUMN name", next(iter(SLOW)), marker=reason)
    assert faults == ["index slow is built on public.users without CONCURRENTLY"]


def test_an_index_on_a_table_that_was_there_is_built_concurrently(new_database: NewDatabase, tmp_path: Path) -> None:
    statements = ["CREATE UNIQUE INDEX CONCURRENTLY quick ON users (lower(name))"]
    assert judged(new_database, tmp_path, *statements, autocommit=True) == []


def test_a_migration_that_may_not_run_leaves_the_revision_to_the_next(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database()
    scripts = add_script(tmp_path, "ALTER TABLE users ADD COLUMN shoe int", "SELECT 1/0")
    with pytest.raises(Exception, match="division by zero"):
        judge(url, configured(scripts))
    with engine(url).connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) != NEXT
