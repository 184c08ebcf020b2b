"""A wire to db or to PostgreSQL is slow, cut, or hangs: clients are told soon, and nobody asks much more often."""

import contextlib
import time
from collections.abc import Callable

import pytest
from tests.support.api import Shot, volley
from tests.support.fragile import SOON, Wired, asked
from tests.support.races import statuses
from tests.support.salon import order, unique
from tests.support.waiting import until
from tests.support.wire import Wire

LATE = 0.1
"""Seconds that each piece is under way."""
TOO_LATE = 0.6
"""As `LATE`; a booking is two messages to PostgreSQL and their answers, more than the two seconds that it has."""
WELL_AGAIN_WITHIN = 15.0
CROWD = 20

Break = Callable[[Wire], contextlib.AbstractContextManager[None]]
BREAKS: list[Break] = [Wire.cut, Wire.hanging]
broken = pytest.mark.parametrize("broken", BREAKS, ids=lambda fault: fault.__name__)
wires = pytest.mark.parametrize("wire", ["to_db", "to_postgres"])


@broken
@wires
def test_while_a_wire_is_broken_answers_are_503_soon_and_a_retry_books_once(
    wired_site: Wired, wire: str, broken: Break
) -> None:
    salon = wired_site.salon
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booking = Shot(ana.api, "POST", "/appointments", order(service, day), {"idempotency-key": unique()})
    with broken(getattr(wired_site, wire)):
        for answered in asked(salon, ana, booking):
            assert answered.status_code == 503, answered.text
            assert int(answered.headers["retry-after"]) >= 1
        assert salon.anyone.get("/livez").status_code == 200
    until(lambda: volley([booking])[0].status == 201, WELL_AGAIN_WITHIN)
    until(wired_site.site.db.is_ready, WELL_AGAIN_WITHIN)
    assert len(ana.api.get("/appointments/me").json()) == 1


def test_a_slow_postgresql_costs_no_client_more_than_his_time_and_no_more_than_one_retry(wired_site: Wired) -> None:
    salon = wired_site.salon
    service, day = salon.make_service(), salon.open_day()
    shots = [
        Shot(who.api, "POST", "/appointments", order(service, day), {"idempotency-key": unique()})
        for who in salon.make_customers(CROWD)
    ]
    wired_site.to_db.sent.clear()
    with wired_site.to_postgres.slow(TOO_LATE):
        began = time.monotonic()
        answers = volley(shots)
        assert time.monotonic() - began < SOON
    assert set(statuses(answers)) <= {201, 409, 503}
    assert 503 in statuses(answers)
    assert b"".join(wired_site.to_db.sent).count(b"POST /appointments ") <= 2 * CROWD


def test_over_a_slow_wire_of_logic_everything_is_answered(wired_site: Wired) -> None:
    salon = wired_site.salon
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booking = Shot(ana.api, "POST", "/appointments", order(service, day), {"idempotency-key": unique()})
    with wired_site.to_db.slow(LATE):
        assert [answered.status_code for answered in asked(salon, ana, booking)] == [200, 200, 200, 201, 401]
