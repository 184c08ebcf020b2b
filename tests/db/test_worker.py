"""The role worker beside a db that leaves the outbox alone."""

import time
from pathlib import Path
from urllib.request import urlopen

from sqlalchemy import URL, text
from tests.conftest import NewDatabase
from tests.support.databases import engine
from tests.support.outbox import fill, waiting
from tests.support.processes import LOOPBACK, Process, Site, free_port, running
from tests.support.waiting import until

from bookmeup.db.engine import BACKGROUND, connect
from bookmeup.db.lanes import Lane
from bookmeup.db.outbox import POLL_SECONDS
from bookmeup.db.outbox_lag import OutboxLag


def test_db_leaves_the_outbox_to_the_worker(new_database: NewDatabase, tmp_path: Path) -> None:
    url = new_database()
    db = Site(url, tmp_path, OUTBOX="off").db
    worker = Process("worker", tmp_path, db.settings)
    try:
        db.start().wait()
        fill(url, 30)
        time.sleep(2 * POLL_SECONDS)
        assert waiting(url) == 30
        worker.start().wait()
        until(lambda: waiting(url) == 0, 30)
    finally:
        worker.end()
        db.end()


def test_a_worker_holds_one_connection_however_much_there_is_to_do(new_database: NewDatabase, tmp_path: Path) -> None:
    url = new_database()
    worker = Process("worker", tmp_path, Site(url, tmp_path, OUTBOX="off").db.settings)
    try:
        worker.start().wait()
        held = {connections(url)}
        fill(url, 5000)
        while waiting(url):
            held.add(connections(url))
        assert held == {BACKGROUND} == {1}
    finally:
        worker.end()


def connections(url: URL) -> int:
    """How many the processes of ours have to that database."""
    of_ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bookmeup db' AND datname = :name"
    with engine(url).connect() as connection:
        return int(connection.execute(text(of_ours), {"name": url.database}).scalar_one())


def test_the_figures_say_how_long_work_has_waited(new_database: NewDatabase) -> None:
    url = new_database()
    with engine(url).begin() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox (kind, payload, aggregate, not_before, done_at) VALUES"
                " ('test', '{}', 'a', now() - interval '2 minutes', NULL),"
                " ('test', '{}', 'b', now() - interval '1 minute', NULL),"
                " ('test', '{}', 'c', now() + interval '1 minute', NULL),"
                " ('test', '{}', 'd', now() - interval '3 minutes', now())"
            )
        )
    database = connect(url)
    rows, seconds = OutboxLag(database, Lane("test", 1))._look()  # noqa: SLF001 - one round of what it does for ever
    database.drop_idle()
    assert rows == 2
    assert 120 <= seconds < 180


def test_db_works_it_off_unless_it_is_told_not_to(new_database: NewDatabase, tmp_path: Path) -> None:
    url = new_database()
    site = Site(url, tmp_path, together=True)
    with running(site):
        fill(url, 30)
        until(lambda: waiting(url) == 0, 30)


def test_a_worker_answers_probes_and_counts_them_and_does_nothing_else(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    metrics = free_port()
    worker = Process("worker", tmp_path, {**Site(new_database(), tmp_path).db.settings, "METRICS_PORT": str(metrics)})
    try:
        worker.start().wait()
        with urlopen(f"{worker.url}/livez", timeout=5) as answer:  # noqa: S310 - our own URL
            assert answer.status == 200
        with urlopen(f"http://{LOOPBACK}:{metrics}/metrics", timeout=5) as answer:
            told = answer.read()
            assert b'role="worker"' in told
            assert b"bookmeup_outbox_oldest_due_seconds 0.0" in told
        assert worker.terminate() in {0, 143}
    finally:
        worker.end()
