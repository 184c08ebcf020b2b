"""`migrate`, `doctor`: one sentence about what was done, or about what is wrong."""

import subprocess
import sys

import pytest
from sqlalchemy import URL
from tests.conftest import NewDatabase
from tests.support.processes import LOOPBACK, environment

from bookmeup.db.schema_version import HEAD


def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bookmeup", *arguments]
    return subprocess.run(
        command,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def plain(url: URL) -> str:
    return url.render_as_string(hide_password=False).replace("+psycopg2", "", 1)


def test_migrate_says_from_where_to_where(new_database: NewDatabase) -> None:
    url = plain(new_database(empty=True))
    first, second = run("migrate", DATABASE_URL=url), run("migrate", DATABASE_URL=url)
    assert (first.returncode, first.stdout.strip()) == (0, f"Migrated from nothing to {HEAD}.")
    assert (second.returncode, second.stdout.strip()) == (0, f"The schema is at {HEAD}.")


@pytest.mark.parametrize("command", ["migrate", "doctor"])
def test_a_database_that_is_away_is_said_in_a_line(command: str) -> None:
    options = ["--role", "db"] if command == "doctor" else []
    done = run(command, *options, DATABASE_URL=f"postgresql://salon:canary-of-a-password@{LOOPBACK}:1/bookmeup")
    assert done.returncode == 1
    told = done.stdout + done.stderr
    assert "Traceback" not in told
    assert "canary-of-a-password" not in told
    assert "refused" in told


def test_doctor_finds_nothing_wrong_and_what_is_wrong(new_database: NewDatabase) -> None:
    well = run("doctor", "--role", "db", DATABASE_URL=plain(new_database()))
    assert (well.returncode, "FAULT" in well.stdout) == (0, False), well.stdout
    empty = run("doctor", "--role", "db", DATABASE_URL=plain(new_database(empty=True)))
    assert empty.returncode == 1
    assert "run migrate" in empty.stdout
    wrong = run("doctor", "--role", "db", BOOKMEUP_CONTAINER="1", ENVIRONMENT="production", RATE_LIMITS="off")
    assert wrong.returncode == 1
    assert wrong.stdout.count("FAULT") >= 4
