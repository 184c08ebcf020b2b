"""PostgreSQL goes away for half a minute: clients are told so at once, and nobody restarts anything when it is back."""

import time
from collections.abc import Sequence
from math import inf

from tests.proofs import load
from tests.proofs.conftest import SIZES, Figure
from tests.proofs.load import CATALOGUE, Exchange
from tests.support.fragile import Worked
from tests.support.outbox import waiting
from tests.support.waiting import until

CLIENTS = 6
DAYS = 4
BEFORE = 2.0
"""Seconds that clients ask before; their connections, and db's, are open then."""
READ, BOOKED = ("GET /appointments/me", 200), ("POST /appointments", 201)
LIMIT, BACK_WITHIN, SLOW = 1.0, 5.0, 60.0
COPY_LASTS = 29.0
"""Seconds for which the catalogue is answered at least: its copy was at most one old."""


def is_as_promised(exchange: Exchange, gone: float) -> bool:
    """Whether this is what an outage that began at `gone` may answer."""
    if exchange.shot.path == CATALOGUE and (exchange.status == 200 or exchange.told - gone < COPY_LASTS):
        return exchange.status == 200
    return exchange.status == 503 and int(exchange.answer.headers.get("retry-after", "0")) >= 1


def again(exchanges: Sequence[Exchange], given: tuple[str, int], since: float) -> float:
    """Return how long after `since` somebody was given this; infinity while nobody is."""
    waits = (each.told - since for each in exchanges if (each.what, each.status) == given)
    return min((seconds for seconds in waits if seconds > 0), default=inf)


def test_while_postgresql_is_away_everybody_is_told_at_once_and_nothing_is_restarted_when_it_is_back(
    fragile: Worked, figure: Figure
) -> None:
    salon, processes = fragile.salon, fragile.processes
    shots = load.mixture(salon, salon.make_customers(CLIENTS), DAYS)
    pids = [process.popen.pid for process in processes]
    with load.going_on(shots, SIZES.rate) as exchanges:
        time.sleep(BEFORE)
        leaving = time.monotonic()
        fragile.postgres.stop()
        gone = time.monotonic()
        time.sleep(SIZES.outage)
        returning = time.monotonic()
        fragile.postgres.start()
        back = time.monotonic()
        until(lambda: max(again(exchanges, READ, back), again(exchanges, BOOKED, back)) < inf, SLOW)
    until(lambda: waiting(fragile.postgres.url()) == 0, SLOW)
    away = [each for each in exchanges if each.asked > gone and each.told < returning]
    worst = max(each.seconds for each in exchanges if each.told > leaving and each.asked < returning)
    read, booked = again(exchanges, READ, back), again(exchanges, BOOKED, back)
    figure("11 outage: answers while it is away", load.counted(away))
    figure("11 outage: the worst took", f"{worst:.2f} s (limit {LIMIT} s)")
    figure("11 outage: read again, booked again", f"after {read:.2f} s, {booked:.2f} s (limit {BACK_WITHIN} s)")
    assert [each for each in away if not is_as_promised(each, gone)] == []
    assert {each.status for each in exchanges} <= {200, 201, 401, 503}
    assert [process.popen.pid for process in processes if process.popen.poll() is None] == pids
    if SIZES.is_full:
        assert worst < LIMIT
        assert max(read, booked) < BACK_WITHIN
