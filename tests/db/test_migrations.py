"""The schema: up, down, by many at once, and what a database that is ahead says."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import URL, inspect, text
from tests.conftest import NewDatabase
from tests.support.databases import engine
from tests.support.postgres import Postgres
from tests.support.processes import Process, Site, environment
from tests.support.waiting import until

from bookmeup.db.migrations import FirstLocation, MigrationError, configuration, migrate, run
from bookmeup.db.schema_version import HEAD

AHEAD = "9999"
NEWER = "9998"


def written(url: URL) -> str:
    return url.render_as_string(hide_password=False).replace("+psycopg2", "", 1)


def move_ahead(url: URL, oldest_image: str | None) -> None:
    """Leave the database as a newer image's migration would."""
    with engine(url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": AHEAD})
        if oldest_image is not None:
            values = {"v": AHEAD, "oldest": oldest_image}
            connection.execute(text("INSERT INTO schema_compat VALUES (:v, :oldest)"), values)


def test_the_image_knows_the_newest_script() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == HEAD


def test_alembic_finds_no_drift_between_scripts_and_tables(database: URL) -> None:
    with engine(database).connect() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.check(config)


def test_every_script_goes_up_down_and_up_again(new_database: NewDatabase) -> None:
    url = new_database(empty=True)
    scripts = [script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()]
    for revision in reversed(scripts):
        run(engine(url), revision)
        run(engine(url), f"{revision}-1" if revision != scripts[-1] else "base", down=True)
        run(engine(url), revision)
    run(engine(url), "base", down=True)
    assert inspect(engine(url)).get_table_names() == ["alembic_version"]
    assert migrate(url) == f"Migrated from nothing to {HEAD}."


def test_a_second_migration_changes_nothing(database: URL) -> None:
    assert migrate(database) == f"The schema is at {HEAD}."


def test_a_new_database_has_one_place_and_one_provider_who_does_everything(new_database: NewDatabase) -> None:
    url = new_database(empty=True)
    migrate(url, FirstLocation("Europe/Bucharest", "RON"))
    with engine(url).connect() as connection:
        places = connection.execute(text("SELECT timezone, currency FROM locations")).all()
        providers = connection.execute(text("SELECT is_default, performs_all, retired_at FROM providers")).all()
        assert [tuple(place) for place in places] == [("Europe/Bucharest", "RON")]
        assert [tuple(provider) for provider in providers] == [(True, True, None)]
        assert connection.scalar(text("SELECT count(*) FROM weekly_hours")) == 0


def test_five_that_migrate_at_once_are_all_content(new_database: NewDatabase, tmp_path: Path) -> None:
    url = new_database(empty=True)
    variables = environment(DATABASE_URL=written(url), BOOKMEUP_DATA=str(tmp_path))
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "bookmeup", "migrate"],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(5)
    ]
    said = sorted(process.communicate(timeout=120)[0].decode().strip() for process in started)
    assert [process.returncode for process in started] == [0] * 5, said
    assert said == [f"Migrated from nothing to {HEAD}."] + 4 * [f"The schema is at {HEAD}."]


def test_a_database_that_is_ahead_and_allows_this_image_is_accepted(new_database: NewDatabase) -> None:
    url = new_database()
    move_ahead(url, HEAD)
    assert migrate(url) == f"The schema is at {AHEAD}, ahead of this image ({HEAD}), and allows it."


@pytest.mark.parametrize("oldest", [NEWER, None])
def test_a_database_that_is_ahead_and_does_not_is_refused_in_a_sentence(
    new_database: NewDatabase, tmp_path: Path, oldest: str | None
) -> None:
    url = new_database()
    move_ahead(url, oldest)
    with pytest.raises(MigrationError, match=f"at {AHEAD} and does not allow"):
        migrate(url)
    variables = environment(DATABASE_URL=written(url), BOOKMEUP_DATA=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "bookmeup", "migrate"], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "does not allow" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_login_that_is_no_superuser_can_migrate_and_serve(own_postgres: Postgres) -> None:
    with engine(own_postgres.url(), isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("CREATE ROLE plain LOGIN CREATEROLE"))
        connection.execute(text("CREATE DATABASE plain OWNER plain"))
    url = own_postgres.url("plain").set(username="plain")
    assert migrate(url) == f"Migrated from nothing to {HEAD}."
    with engine(url).connect() as connection:
        connection.execute(text("SET ROLE bookmeup_logic"))
        assert connection.scalar(text("SELECT count(*) FROM services")) == 0


def test_db_on_an_older_schema_is_not_ready_says_why_and_recovers_when_it_is_migrated(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database(empty=True)
    process: Process = Site(url, tmp_path).db.start()
    try:
        until(lambda: "run migrate" in process.tail(), 60)
        assert not process.is_ready()
        migrate(url)
        process.wait(30)
        move_ahead(url, NEWER)
        until(lambda: not process.is_ready())
    finally:
        process.end()
