"""What is away: clients are told soon and in so many words, and nobody restarts anything when it is back."""

import contextlib
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest
from sqlalchemy import text
from tests.support.api import Shot, volley
from tests.support.databases import engine
from tests.support.fragile import SOON, Fragile, asked
from tests.support.races import statuses
from tests.support.salon import order, unique
from tests.support.waiting import until

BACK_WITHIN = 5.0
SLACK = 5.0

Outage = Callable[[Fragile], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def db_killed(fragile: Fragile) -> Iterator[None]:
    fragile.site.db.kill()
    yield
    fragile.site.db.start().wait()


@contextlib.contextmanager
def db_frozen(fragile: Fragile) -> Iterator[None]:
    with fragile.site.db.paused():
        yield


@contextlib.contextmanager
def postgres_stopped(fragile: Fragile) -> Iterator[None]:
    fragile.postgres.stop()
    yield
    fragile.postgres.start()


@contextlib.contextmanager
def postgres_killed(fragile: Fragile) -> Iterator[None]:
    fragile.postgres.kill()
    yield
    fragile.postgres.start()


OUTAGES = [db_killed, db_frozen, postgres_stopped, postgres_killed]
everywhere = pytest.mark.parametrize("outage", OUTAGES)


@everywhere
def test_while_the_data_is_away_answers_are_503_with_retry_after_and_then_all_is_well(
    fragile: Fragile, outage: Outage
) -> None:
    salon = fragile.salon
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booking = Shot(ana.api, "POST", "/appointments", order(service, day), {"idempotency-key": unique()})
    salon.anyone.get("/services")
    with outage(fragile):
        for answered in asked(salon, ana, booking):
            assert answered.status_code == 503, answered.text
            assert int(answered.headers["retry-after"]) >= 1
            assert answered.json()["error"]
        assert service in [row["id"] for row in salon.anyone.get("/services").json()]
        assert salon.anyone.get("/livez").status_code == 200
    until(lambda: ana.api.get("/appointments/me").status_code == 200, BACK_WITHIN + SLACK)
    until(fragile.site.db.is_ready, BACK_WITHIN + SLACK)
    until(lambda: volley([booking])[0].status == 201, BACK_WITHIN + SLACK)
    assert len(ana.api.get("/appointments/me").json()) == 1


@pytest.mark.parametrize("outage", [postgres_stopped, postgres_killed])
def test_without_postgresql_db_lives_and_is_not_ready(fragile: Fragile, outage: Outage) -> None:
    with outage(fragile):
        until(lambda: not fragile.site.db.is_ready())
        assert httpx2.get(f"{fragile.site.db.url}/livez").status_code == 200
        assert fragile.site.logic.is_ready()
        assert fragile.site.auth.is_ready()


def test_many_who_ask_for_the_catalogue_while_db_is_frozen_do_not_wait_for_each_other(fragile: Fragile) -> None:
    fragile.salon.anyone.get("/services")
    with db_frozen(fragile):
        time.sleep(1)  # the copy's second
        began = time.monotonic()
        answers = volley([Shot(fragile.salon.anyone, "GET", "/services")] * 10)
        assert statuses(answers) == {200: 10}
        assert time.monotonic() - began < SOON


def test_while_auth_is_away_who_is_signed_in_goes_on(fragile: Fragile) -> None:
    salon, ana = fragile.salon, fragile.salon.make_customer()
    assert ana.api.get("/profile").status_code == 200
    fragile.site.auth.kill()
    time.sleep(3)  # longer than the copy of the keys is fresh
    assert ana.api.get("/profile").status_code == 200
    salon.book(ana, salon.make_service(), salon.open_day())


def test_a_process_of_db_has_twelve_connections_at_most_whatever_is_asked(fragile: Fragile) -> None:
    salon = fragile.salon
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    shots = [Shot(ana.api, "GET", "/appointments/me"), Shot(ana.api, "POST", "/appointments", order(service, day)),
             Shot(salon.anyone, "GET", f"/available-timeslots?date={day}&service_id={service}")] * 30  # fmt: skip
    answers = volley(shots)
    assert set(statuses(answers)) <= {200, 201, 409, 503}
    with engine(fragile.postgres.url()).connect() as connection:
        held = connection.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bookmeup db'"))
    assert held is not None
    assert 0 < held <= 12
