"""A retry is safe: one Idempotency-Key is one appointment and one answer, however many ask, and whatever is killed."""

import json

from sqlalchemy import URL, text
from tests.proofs import crowd
from tests.proofs.conftest import SIZES, Figure
from tests.proofs.crowd import Told
from tests.support.api import Shot
from tests.support.databases import engine
from tests.support.salon import Salon, order, patient


def with_key(url: URL, key: str) -> int:
    """Return how many appointments carry the key."""
    asked = text("SELECT count(*) FROM appointments WHERE idempotency_key = :key")
    with engine(url).connect() as connection:
        return int(connection.execute(asked, {"key": key}).scalar_one())


def refusal(told: Told) -> tuple[int, str]:
    return told.status, json.loads(told.answer.body)["code"]


def test_one_key_raced_is_one_appointment_and_equal_answers_and_another_body_is_refused(
    spread_salon: Salon, worker_database: URL, figure: Figure
) -> None:
    salon, ana, headers = spread_salon, spread_salon.make_customer(), crowd.key()
    service, day = salon.make_service(), salon.open_day()
    told = crowd.at_once([Shot(ana.api, "POST", "/appointments", order(service, day), headers)] * SIZES.repeats)
    bodies = {one.answer.body for one in told}
    figure("6 keys: answers", dict(crowd.counted(told)))
    figure("6 keys: different bodies", len(bodies))
    figure("6 keys: appointments", with_key(worker_database, headers["idempotency-key"]))
    assert crowd.counted(told) == {201: SIZES.repeats}
    assert len(bodies) == 1
    assert with_key(worker_database, headers["idempotency-key"]) == 1

    other = patient(lambda: ana.api.post("/appointments", order(service, day, "11:00"), headers=headers))
    assert other.status_code == 422, other.text
    assert other.json()["code"] == "key_reused"


def test_the_loser_of_a_slot_is_told_the_same_again(spread_salon: Salon) -> None:
    salon, headers = spread_salon, crowd.key()
    ana, bob = salon.make_customer(), salon.make_customer()
    service, day = salon.make_service(), salon.open_day()
    kept = salon.book(ana, service, day)
    lost = Shot(bob.api, "POST", "/appointments", order(service, day), headers)
    first = crowd.at_once([lost] * SIZES.repeats)
    assert patient(lambda: ana.api.delete(f"/appointments/me/{kept}")).status_code == 200
    assert {refusal(one) for one in first} == {refusal(one) for one in crowd.at_once([lost])} == {(409, "slot_taken")}
