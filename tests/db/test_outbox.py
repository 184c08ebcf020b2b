"""Work that waits: done once by whoever comes first, and not before its time."""

from pathlib import Path

from sqlalchemy import URL, text
from tests.conftest import NewDatabase
from tests.support.databases import engine
from tests.support.outbox import done, fill, waiting, watch
from tests.support.processes import Process, Site
from tests.support.salon import Salon
from tests.support.waiting import until

from bookmeup.db.engine import OUTBOX, connect
from bookmeup.db.lanes import Lane
from bookmeup.db.outbox import Outbox

ROWS = 2000


def test_two_workers_drain_it_and_do_nothing_twice(new_database: NewDatabase, tmp_path: Path) -> None:
    url = new_database()
    watch(url)
    settings = Site(url, tmp_path).db.settings
    workers = [Process("worker", tmp_path, settings).start() for _ in range(2)]
    try:
        for worker in workers:
            worker.wait()
        fill(url, ROWS)
        until(lambda: waiting(url) == 0, 60, every=0.2)
    finally:
        for worker in workers:
            worker.ask_to_end()
        for worker in workers:
            worker.end()
    assert done(url) == (ROWS, ROWS)


def test_db_drains_what_its_own_changes_wrote(salon: Salon, worker_database: URL) -> None:
    salon.make_service()
    until(lambda: waiting(worker_database) == 0, 30)


def test_a_change_writes_one_audit_row_and_one_row_of_work(salon: Salon, worker_database: URL) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    ana.api.put(f"/appointments/me/{booked}", {"date": day, "time": "10:00"})
    ana.api.delete(f"/appointments/me/{booked}")
    ana.api.delete(f"/appointments/me/{booked}")
    with engine(worker_database).connect() as connection:
        trail = connection.execute(
            text(
                "SELECT action, actor_id FROM audit_log WHERE subject = 'appointment' AND subject_id = :id ORDER BY id"
            ),
            {"id": booked},
        ).all()
        work = connection.scalars(
            text("SELECT kind FROM outbox WHERE aggregate = :it ORDER BY id"), {"it": f"appointment:{booked}"}
        ).all()
    assert [tuple(row) for row in trail] == [(action, ana.id) for action in ("booked", "moved", "cancelled")]
    assert list(work) == ["appointment.booked", "appointment.moved", "appointment.cancelled"]


def test_what_is_not_due_or_leased_waits_and_what_is_old_is_swept(new_database: NewDatabase) -> None:
    url = new_database()
    fill(url, 3, ", not_before", ", now() + interval '1 hour'")
    fill(url, 4, ", leased_until", ", now() + interval '1 hour'")
    fill(url, 5, ", leased_until", ", now() - interval '1 second'")
    fill(url, 6, ", done_at", ", now() - interval '2 days'")
    database = connect(url)
    outbox = Outbox(database, Lane("test", 1))
    outbox.round()
    assert waiting(url) == 3 + 4
    outbox._sweep()  # noqa: SLF001
    with engine(url).connect() as opened:
        assert opened.scalar(text("SELECT count(*) FROM outbox")) == 3 + 4 + 5
    database.drop_idle()
    assert OUTBOX == "bookmeup_outbox"
