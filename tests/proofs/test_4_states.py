"""What waits for approval, or is held while a form is filled in, takes its time; a change of state happens once."""

import json

import pytest
from sqlalchemy import URL, text
from tests.proofs import crowd
from tests.proofs.conftest import SIZES, Figure
from tests.support.api import Shot
from tests.support.databases import engine
from tests.support.races import overlaps
from tests.support.salon import Person, Salon, made, order, patient

_ROWS = text("""
SELECT (SELECT count(*) FROM audit_log WHERE subject = 'appointment' AND subject_id = :id AND action = :action),
  (SELECT count(*) FROM outbox WHERE kind = 'appointment.' || :action AND aggregate = 'appointment:' || :id)
""")


@pytest.fixture(scope="module")
def customers(spread_salon: Salon) -> list[Person]:
    return spread_salon.make_customers(min(SIZES.racers, 50))


def rows(url: URL, appointment: int, action: str) -> tuple[int, int]:
    """Return how many rows of the trail and of the outbox tell of it."""
    with engine(url).connect() as connection:
        trail, work = connection.execute(_ROWS, {"id": appointment, "action": action}).one()
        return trail, work


def test_of_many_confirmations_at_once_one_is_made_with_one_row_of_the_trail_and_one_of_the_outbox(
    spread_salon: Salon, customers: list[Person], worker_database: URL, figure: Figure
) -> None:
    salon = spread_salon
    asked = salon.book(customers[0], salon.make_service(needs_approval=True), salon.open_day())
    path = f"/appointments/{asked}/confirm"
    told = crowd.at_once([Shot(salon.admin.api, "POST", path, {}, crowd.key()) for _ in range(SIZES.confirmations)])
    figure("4 states: confirmations", dict(crowd.counted(told)))
    figure("4 states: rows of audit, outbox", rows(worker_database, asked, "confirmed"))
    assert crowd.counted(told) == {200: 1, 422: SIZES.confirmations - 1}
    assert rows(worker_database, asked, "confirmed") == (1, 1)


def test_a_pending_appointment_takes_its_time(
    spread_salon: Salon, customers: list[Person], worker_database: URL, figure: Figure
) -> None:
    salon = spread_salon
    service, day = salon.make_service(needs_approval=True), salon.open_day()
    told = crowd.rush(customers, salon.anyone, service, day, "09:00")
    figure("4 states: pending", dict(crowd.counted(told)))
    assert crowd.counted(told) == {201: 1, 409: len(customers) - 1}
    (pending,) = crowd.made(told)
    assert rows(worker_database, pending, "requested") == (1, 1)
    assert overlaps(worker_database) == 0


def test_a_hold_takes_its_time_and_becomes_the_appointment_of_who_has_it(
    spread_salon: Salon, customers: list[Person], worker_database: URL, figure: Figure
) -> None:
    salon = spread_salon
    service, day = salon.make_service(), salon.open_day()
    wanted = order(service, day)
    holds = [Shot(salon.anyone.bearing(who.api.token), "POST", "/holds", wanted, crowd.key()) for who in customers]
    told = crowd.at_once(holds)
    figure("4 states: holds", dict(crowd.counted(told)))
    assert crowd.counted(told) == {201: 1, 409: len(customers) - 1}
    (winner,) = (n for n, one in enumerate(told) if one.status == 201)
    hold = json.loads(told[winner].answer.body)["object_id"]
    assert crowd.counted(crowd.rush(customers, salon.anyone, service, day, "09:10")) == {409: len(customers)}
    key, api = crowd.key(), salon.anyone.bearing(customers[winner].api.token)
    booked = made(patient(lambda: api.post("/appointments", {**wanted, "hold_id": hold}, headers=key)))
    assert booked == hold
    assert rows(worker_database, booked, "booked") == (1, 1)
    assert overlaps(worker_database) == 0
