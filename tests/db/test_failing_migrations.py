"""A migration that raises, or that waits for a lock: the old version goes on serving, and nothing stays locked."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError, OperationalError
from tests.conftest import NewDatabase
from tests.support.databases import engine
from tests.support.scripts import NEXT, add_script

from bookmeup.db import migrations
from bookmeup.db.migrations import LOCK, MigrationError, migrate
from bookmeup.db.schema_version import HEAD, revision_of

NewerImage = Callable[..., None]
LOCKED = "55P03"


@pytest.fixture
def newer_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NewerImage:
    """Make `migrate` that of an image with one script more, which runs these statements."""

    def make(*statements: str, autocommit: bool = False) -> None:
        scripts = add_script(tmp_path, *statements, autocommit=autocommit)
        monkeypatch.setattr(migrations, "folder", lambda: scripts)
        monkeypatch.setattr(migrations, "HEAD", NEXT)

    return make


def locks(url: URL) -> int | None:
    """Return how many advisory locks and locks of tables are held by others in this database."""
    query = text("""SELECT count(*) FROM pg_locks WHERE database = (SELECT oid FROM pg_database
                    WHERE datname = current_database()) AND pid <> pg_backend_pid()""")
    with engine(url).connect() as connection:
        found: int | None = connection.scalar(query)
        return found


def standing(url: URL) -> tuple[str | None, bool]:
    """Return the revision, and whether the table `users` has the column that the script adds."""
    query = text("SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'shoe'")
    with engine(url).connect() as connection:
        return revision_of(connection), bool(connection.scalar(query))


def test_one_that_raises_leaves_the_old_revision_and_no_lock(
    new_database: NewDatabase, newer_image: NewerImage
) -> None:
    url = new_database()
    newer_image("ALTER TABLE users ADD COLUMN shoe int", "SELECT 1/0")
    with pytest.raises(DBAPIError, match="division by zero"):
        migrate(url)
    assert standing(url) == (HEAD, False)
    assert locks(url) == 0


def test_one_that_waits_for_a_lock_lets_it_go_tries_again_and_runs_when_it_is_free(
    new_database: NewDatabase, newer_image: NewerImage
) -> None:
    url = new_database()
    newer_image("ALTER TABLE users ADD COLUMN shoe int")
    said: list[str] = []
    with engine(url).connect() as reader:
        reader.execute(text("SELECT count(*) FROM users"))
        thread = threading.Thread(target=lambda: said.append(migrate(url)))
        thread.start()
        time.sleep(1.5)  # longer than it waits at once
        assert said == []
        assert standing(url) == (HEAD, False)
        reader.rollback()
    thread.join(30)
    assert said == [f"Migrated from {HEAD} to {NEXT}."]
    assert standing(url) == (NEXT, True)


def test_one_that_never_gets_its_lock_gives_up_and_leaves_nothing(
    new_database: NewDatabase, newer_image: NewerImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    newer_image("ALTER TABLE users ADD COLUMN shoe int")
    monkeypatch.setattr(migrations, "LOCK_TRIES", 1)
    with engine(url).connect() as reader:
        reader.execute(text("SELECT count(*) FROM users"))
        with pytest.raises(OperationalError) as told:
            migrate(url)
        reader.rollback()
    assert getattr(told.value.orig, "pgcode", "") == LOCKED
    assert standing(url) == (HEAD, False)
    assert locks(url) == 0


def test_an_index_is_built_concurrently_while_another_waits_for_its_turn(
    new_database: NewDatabase, newer_image: NewerImage
) -> None:
    url = new_database()
    newer_image("CREATE INDEX CONCURRENTLY quick ON users (role)", autocommit=True)
    said: list[str] = []
    threads = [threading.Thread(target=lambda: said.append(migrate(url))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said) == [f"Migrated from {HEAD} to {NEXT}.", *[f"The schema is at {NEXT}."] * 2]


def test_who_does_not_get_the_turn_in_time_says_so_and_changes_nothing(
    new_database: NewDatabase, newer_image: NewerImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    newer_image("ALTER TABLE users ADD COLUMN shoe int")
    monkeypatch.setattr(migrations, "LOCK_SECONDS", 0.5)
    with engine(url).connect() as other:
        other.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        with pytest.raises(MigrationError, match="Another migration has held the lock"):
            migrate(url)
    assert standing(url) == (HEAD, False)
