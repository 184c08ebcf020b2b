"""The version before this one, beside this one: on the new schema, on its own, and both on the same database.

The one before is the newest tag that is not this commit; its code runs from an unpacked archive of it.
"""

import io
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from sqlalchemy import URL
from tests.conftest import NewDatabase
from tests.support.api import Api, Front
from tests.support.databases import add_admin, engine
from tests.support.processes import Site, environment, running
from tests.support.salon import Person, Salon
from tests.support.waiting import until

from bookmeup.db.migrations import migrate
from bookmeup.db.schema_version import HEAD

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
RELEASE = re.compile(r"v?\d+\.\d+\.\d+")


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


class Previous(NamedTuple):
    """The code of a tag."""

    tag: str
    source: str

    def migrate(self, url: URL, folder: Path) -> str:
        plain = url.render_as_string(hide_password=False).replace("+psycopg2", "", 1)
        variables = environment(PYTHONPATH=self.source, DATABASE_URL=plain, BOOKMEUP_DATA=str(folder))
        command = [sys.executable, "-m", "bookmeup", "migrate"]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def site(self, url: URL, folder: Path) -> Site:
        return Site(url, folder, PYTHONPATH=self.source)


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Previous:
    if not (ROOT / ".git").exists():
        pytest.skip("NO GIT REPOSITORY: THE PREVIOUS VERSION IS NOT KNOWN, AND NOTHING WAS TESTED AGAINST IT")
    here = git("rev-parse", "HEAD").strip()
    tags = git("tag", "--merged", "HEAD", "--sort=-version:refname").decode().split()
    older = [tag for tag in tags if RELEASE.fullmatch(tag) and git("rev-parse", f"{tag}^{{commit}}").strip() != here]
    if not older:
        pytest.skip("THERE IS NO EARLIER TAG YET: NOTHING WAS TESTED AGAINST A PREVIOUS VERSION")
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=io.BytesIO(git("archive", older[0], "src", "alembic"))) as archive:
        archive.extractall(folder, filter="data")
    return Previous(older[0], str(folder / "src"))


@pytest.fixture
def old_database(previous: Previous, new_database: NewDatabase, tmp_path: Path) -> URL:
    """A database as the previous version makes it, with an admin."""
    url = new_database(empty=True)
    previous.migrate(url, tmp_path)
    with engine(url).begin() as connection:
        add_admin(connection)
    return url


def books(salon: Salon) -> Person:
    """Have somebody sign up, book and see it; return who."""
    ana = salon.make_customer()
    salon.book(ana, salon.make_service(), salon.open_day())
    assert len(ana.api.get("/appointments/me").json()) == 1
    return ana


def test_the_previous_version_works_on_the_new_schema(
    previous: Previous, new_database: NewDatabase, client: httpx2.Client, tmp_path: Path
) -> None:
    url = new_database()
    assert HEAD in previous.migrate(url, tmp_path), "its init container accepts what it finds"
    site = previous.site(url, tmp_path)
    with running(site):
        books(Salon(Front(site), client))


def test_the_new_version_waits_for_its_schema_and_then_serves_beside_the_previous_one(
    previous: Previous, old_database: URL, client: httpx2.Client, tmp_path: Path
) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old, new = previous.site(old_database, tmp_path / "old"), Site(old_database, tmp_path / "new")
    with running(old):
        salon = Salon(Front(old), client)
        before = books(salon)
        new.start()
        try:
            if HEAD not in previous.migrate(old_database, tmp_path):
                until(lambda: "run migrate" in new.db.tail(), 60)
                assert not new.db.is_ready()
            migrate(old_database)
            new.wait()
            for front in (Front(new), Front(old, new)):
                books(salon.through(front))
            assert len(Api(Front(new), client, before.api.token).get("/appointments/me").json()) == 1
        finally:
            new.end()
