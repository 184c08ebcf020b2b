"""kill -9 and SIGSTOP under load: what was acknowledged is there, nothing else is, and a retry finds the first try."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice

from sqlalchemy import text
from tests.proofs import history as histories
from tests.proofs import stored
from tests.proofs.broken import lived_through
from tests.proofs.conftest import SIZES, Figure
from tests.proofs.history import History, Slot
from tests.support import outbox
from tests.support.databases import engine
from tests.support.fragile import Fragile, Worked, mend
from tests.support.processes import Process
from tests.support.races import overlaps
from tests.support.salon import Person
from tests.support.waiting import until

CLIENTS = 6
STEP = 5
AFTER = 0.2
"""Seconds that clients go on after a kill."""
SLOW = 90.0
MOST_TRIES = 5
"""Kills without which the control has failed to lose anything."""


def slots(fragile: Fragile, service: int) -> list[Slot]:
    day = fragile.salon.open_day("00:00", "24:00")
    return [Slot(service, day, f"{n // 60:02d}:{n % 60:02d}") for n in range(0, 1440, STEP)]


def killed(fragile: Fragile, people: list[Person], service: int, kill: Callable[[], None]) -> History:
    """Have people book until some moment at which something is killed, and a little longer."""
    enough = random.randint(3, SIZES.bookings_a_kill)

    def breaking(history: History) -> None:
        until(lambda: history.acknowledged >= enough, SLOW, 0.005)
        kill()
        time.sleep(AFTER)

    return histories.recorded(people, slots(fragile, service), breaking, only_books=True)


def test_kill_9_of_any_process_loses_nothing_that_was_acknowledged_and_no_work_that_follows(
    fragile: Worked, figure: Figure
) -> None:
    url, salon, site = fragile.postgres.url(), fragile.salon, fragile.site
    storing, others = (site.db.kill, site.logic.kill, fragile.postgres.kill), (site.auth.kill, fragile.worker.kill)
    acknowledged = unsettled = 0
    people = salon.make_customers(CLIENTS)
    for kill in (*islice(cycle(storing), SIZES.kills), *others * SIZES.other_kills):
        service = salon.make_service(duration=STEP, slot_interval=STEP)
        history = killed(fragile, people, service, kill)
        mend(fragile)
        before = stored.rows(url, service)
        assert stored.missing(history, before) == []
        acknowledged += history.acknowledged
        unsettled += histories.settle(history)
        after = stored.rows(url, service)
        assert stored.contradictions(history, after, url) == []
        assert {key: row.id for key, row in after.items() if key in before} == {k: row.id for k, row in before.items()}
    until(lambda: outbox.waiting(url) == 0, SLOW)
    figure("7 crashes: kills of db, logic, postmaster", SIZES.kills)
    figure("7 crashes: kills of auth, of the worker", (SIZES.other_kills, SIZES.other_kills))
    figure("7 crashes: acknowledged, of which missing", (acknowledged, 0))
    figure("7 crashes: unknown, settled by their keys", unsettled)
    figure("7 crashes: overlaps", overlaps(url))
    figure("7 crashes: rows of work, done, different ones", (outbox.rows(url), *outbox.done(url)))
    assert unsettled > 0
    assert outbox.done(url) == (outbox.rows(url), outbox.rows(url))


@contextlib.contextmanager
def forgetful(fragile: Fragile) -> Iterator[None]:
    """Let PostgreSQL acknowledge what it has not written yet."""
    settings = {"synchronous_commit": "off", "wal_writer_delay": "10s", "wal_writer_flush_after": "1GB"}
    tell(fragile, *(f"ALTER SYSTEM SET {name} = '{value}'" for name, value in settings.items()))
    yield
    tell(fragile, *(f"ALTER SYSTEM RESET {name}" for name in settings))


def tell(fragile: Fragile, *statements: str) -> None:
    with engine(fragile.postgres.url(), isolation_level="AUTOCOMMIT").connect() as connection:
        for statement in (*statements, "SELECT pg_reload_conf()"):
            connection.execute(text(statement))


def test_without_synchronous_commit_the_same_kill_loses_some(fragile: Fragile, figure: Figure) -> None:
    url, salon = fragile.postgres.url(), fragile.salon
    people, lost, acknowledged = salon.make_customers(CLIENTS), 0, 0
    for number in range(MOST_TRIES):
        if lost and number >= SIZES.control_kills:
            break
        service = salon.make_service(duration=STEP, slot_interval=STEP)
        with forgetful(fragile):
            history = killed(fragile, people, service, fragile.postgres.kill)
            fragile.postgres.start()
            lost += len(stored.missing(history, stored.rows(url, service)))
        acknowledged += history.acknowledged
        mend(fragile)
    figure("7 control: acknowledged without synchronous_commit, of which missing (> 0)", (acknowledged, lost))
    assert lost > 0


def frozen(process: Process) -> None:
    with process.paused():
        time.sleep(SIZES.pause)


def faults(fragile: Fragile) -> list[Callable[[], None]]:
    site, postgres = fragile.site, fragile.postgres
    few: list[Callable[[], None]] = [lambda: frozen(site.db), lambda: frozen(site.logic), postgres.kill]
    return [*few, site.db.kill, site.logic.kill, lambda: postgres.stop("immediate")] if SIZES.is_full else few


def test_histories_of_clients_fit_what_is_there_whatever_was_killed_or_stood_still(
    fragile: Fragile, figure: Figure
) -> None:
    lived_through(fragile, faults(fragile), lambda what, number: figure(f"7 histories: {what}", number))
