"""The role worker beside a db that leaves the outbox alone."""

import time
from pathlib import Path
from urllib.request import urlopen

from sqlalchemy import URL, text
from tests.conftest import NewDatabase
from tests.support.databases import engine
from tests.support.processes import LOOPBACK, Process, Site, free_port, running
from tests.support.waiting import until

from bookmeup.db.outbox import POLL_SECONDS


def put_in(url: URL, rows: int) -> None:
    with engine(url).begin() as connection:
        connection.execute(
            text("INSERT INTO outbox (kind, payload, aggregate) SELECT 'test', '{}', 'test:' || n "
                 "FROM generate_series(1, :rows) n"),
            {"rows": rows},
        )  # fmt: skip


def waiting(url: URL) -> int:
    with engine(url).connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM outbox WHERE done_at IS NULL")).scalar_one())


def test_db_leaves_the_outbox_to_the_worker(new_database: NewDatabase, tmp_path: Path) -> None:
    url = new_database()
    db = Site(url, tmp_path, OUTBOX="off").db
    worker = Process("worker", tmp_path, db.settings)
    try:
        db.start().wait()
        put_in(url, 30)
        time.sleep(2 * POLL_SECONDS)
        assert waiting(url) == 30
        worker.start().wait()
        until(lambda: waiting(url) == 0, 30)
    finally:
        worker.end()
        db.end()


def test_db_works_it_off_unless_it_is_told_not_to(new_database: NewDatabase, tmp_path: Path) -> None:
    url = new_database()
    site = Site(url, tmp_path, together=True)
    with running(site):
        put_in(url, 30)
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
            assert b'role="worker"' in answer.read()
        assert worker.terminate() in {0, 143}
    finally:
        worker.end()
