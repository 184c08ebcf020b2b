"""One Idempotency-Key, one appointment: in parallel, over replicas, for whatever the rules decided."""

import json

import pytest
from sqlalchemy import URL, Connection, text
from tests.support.api import Answer, Front, Shot, volley
from tests.support.databases import engine
from tests.support.processes import Site
from tests.support.salon import Salon, ids, is_problem, made, order, unique

from bookmeup.db.engine import connect
from bookmeup.db.lanes import Lane
from bookmeup.db.outbox import Outbox


def key() -> dict[str, str]:
    return {"idempotency-key": unique()}


def test_fifty_requests_with_one_key_are_one_appointment_and_one_answer(
    salon: Salon, replicas: tuple[Site, Site]
) -> None:
    service, day, ana, headers = salon.make_service(), salon.open_day(), salon.make_customer(), key()
    api = salon.through(Front(*replicas)).anyone.bearing(ana.api.token)
    answers = volley([Shot(api, "POST", "/appointments", order(service, day), headers)] * 50)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert ids(ana.api.get("/appointments/me").json()) == [json.loads(answers[0].body)["object_id"]]


def test_another_body_with_the_same_key_is_refused_and_does_nothing(salon: Salon) -> None:
    service, day, ana, headers = salon.make_service(), salon.open_day(), salon.make_customer(), key()
    made(ana.api.post("/appointments", order(service, day), headers=headers))
    again = ana.api.post("/appointments", order(service, day, "10:00"), headers=headers)
    assert is_problem(again, 422, "key_reused")
    assert len(ana.api.get("/appointments/me").json()) == 1


def test_a_key_belongs_to_one_user_and_one_route(salon: Salon) -> None:
    service, day, ana, ion, headers = (
        salon.make_service(), salon.open_day(), salon.make_customer(), salon.make_customer(), key()
    )  # fmt: skip
    first = made(ana.api.post("/appointments", order(service, day), headers=headers))
    second = made(ion.api.post("/appointments", order(service, day, "10:00"), headers=headers))
    assert first != second
    body = {"name": "Cut", "price": 1, "duration": 30}
    made(salon.admin.api.post("/services", body, headers=headers))
    made(salon.admin.api.post("/availability", {"date": salon.fresh_day(), "start_time": "09:00", "end_time": "10:00"},
                              headers=headers))  # fmt: skip


def test_an_unknown_customer_stays_refused_under_the_key_even_when_he_comes_later(
    salon: Salon, rows: Connection
) -> None:
    service, day, headers = salon.make_service(), salon.open_day(), key()
    nobody = rows.scalar(text("SELECT nextval(pg_get_serial_sequence('users', 'id'))"))
    wanted = {**order(service, day), "user_id": nobody}
    assert is_problem(salon.admin.api.post("/appointments", wanted, headers=headers), 422, "unknown_reference")
    other = {**order(service, day, "10:00"), "user_id": nobody}
    assert is_problem(salon.admin.api.post("/appointments", other, headers=headers), 422, "key_reused")
    rows.execute(text("INSERT INTO users (id, name) OVERRIDING SYSTEM VALUE VALUES (:id, 'Ion')"), {"id": nobody})
    assert is_problem(salon.admin.api.post("/appointments", wanted, headers=headers), 422, "unknown_reference")


def test_what_the_rules_refused_stays_refused_even_when_they_would_not_now(salon: Salon) -> None:
    service, day, ana, ion = salon.make_service(), salon.open_day(), salon.make_customer(), salon.make_customer()
    theirs, clash, closed = salon.book(ion, service, day), key(), key()
    assert is_problem(ana.api.post("/appointments", order(service, day), headers=clash), 409, "slot_taken")
    assert is_problem(ana.api.post("/appointments", order(service, day, "08:00"), headers=closed), 422, "closed")
    ion.api.delete(f"/appointments/me/{theirs}")
    salon.admin.api.post("/availability", {"date": day, "start_time": "08:00", "end_time": "09:00"})
    assert is_problem(ana.api.post("/appointments", order(service, day), headers=clash), 409, "slot_taken")
    assert is_problem(ana.api.post("/appointments", order(service, day, "08:00"), headers=closed), 422, "closed")
    salon.book(ana, service, day)


def test_a_repeated_request_gets_the_first_answer_even_after_a_cancellation(salon: Salon) -> None:
    service, day, ana, headers = salon.make_service(), salon.open_day(), salon.make_customer(), key()
    first = ana.api.post("/appointments", order(service, day), headers=headers)
    ana.api.delete(f"/appointments/me/{made(first)}")
    again = ana.api.post("/appointments", order(service, day), headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert ana.api.get("/appointments/me").json() == []


SPAN = {"starts_at": "2040-03-01T09:00:00Z", "ends_at": "2040-03-02T09:00:00Z"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/services", {"name": "Cut", "price": 1, "duration": 30}),
        ("/services/{service}/addons", {"name": "Wash"}),
        ("/providers", {"name": "Mia"}),
        ("/providers/{provider}/time-off", SPAN),
        ("/availability", {"date": "{fresh}", "start_time": "09:00", "end_time": "10:00"}),
        ("/closures", SPAN),
        ("/locations", {"name": "Branch"}),
        ("/resources", {"name": "Chair", "type": "chair"}),
        ("/appointments", {"service_id": "{service}", "date": "{day}", "time": "09:00"}),
        ("/holds", {"service_id": "{service}", "date": "{day}", "time": "09:00"}),
        ("/series", {"service_id": "{service}", "date": "{day}", "time": "09:00", "rule": "FREQ=DAILY;COUNT=1"}),
        ("/visits", {"services": [{"service_id": "{service}"}], "date": "{day}", "time": "09:00"}),
        ("/waitlist", {"service_id": "{service}", "first_date": "{day}", "last_date": "{day}"}),
    ],
)
def test_every_route_that_creates_takes_a_key(salon: Salon, path: str, body: dict[str, object]) -> None:
    service = salon.make_service()
    places = {
        "{service}": service, "{provider}": salon.make_provider(), "{day}": salon.open_day(),
        "{fresh}": salon.fresh_day(),
    }  # fmt: skip
    headers, whole = key(), {name: places.get(str(value), value) for name, value in body.items()}
    if path == "/visits":
        whole["services"] = [{"service_id": service}]
    for name, value in places.items():
        path = path.replace(name, str(value))
    answers = volley([Shot(salon.admin.api, "POST", path, whole, headers)] * 5)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1


def test_a_fault_of_the_request_is_not_kept_under_its_key(salon: Salon) -> None:
    service, day, ana, headers = salon.make_service(), salon.open_day(), salon.make_customer(), key()
    assert is_problem(ana.api.post("/appointments", {"date": day}, headers=headers), 422, "invalid")
    made(ana.api.post("/appointments", order(service, day), headers=headers))


@pytest.mark.parametrize("value", ["", "x" * 256, "own x"])
def test_a_key_that_is_none_is_a_fault_of_the_request(salon: Salon, value: str) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    answered = ana.api.post("/appointments", order(service, day), headers={"idempotency-key": value})
    assert is_problem(answered, 422, "invalid")


def test_a_request_that_creates_nothing_needs_no_key_and_looks_at_none(salon: Salon) -> None:
    ana = salon.make_customer()
    assert ana.api.get("/profile", headers={"idempotency-key": "x" * 256}).status_code == 200
    assert ana.api.delete("/auth/logout", headers={"idempotency-key": "x" * 256}).status_code == 200


def a_day_later(url: URL, keys: list[str]) -> None:
    """Let what is kept under these keys be a day older, and sweep."""
    with engine(url).begin() as connection:
        connection.execute(
            text("UPDATE idempotency_keys SET expires_at = expires_at - interval '25 hours' WHERE key = ANY(:keys)"),
            {"keys": keys},
        )
    database = connect(url)
    Outbox(database, Lane("test", 1))._sweep()  # noqa: SLF001
    database.drop_idle()


def said(answer: Answer) -> tuple[int, bytes]:
    """Return the answer but for the id of its request."""
    return answer.status, answer.body.partition(b'"request_id"')[0]


def test_what_made_appointments_is_answered_the_same_at_any_time_and_all_else_for_a_day(
    salon: Salon, worker_database: URL
) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    orders = {
        "/appointments": order(service, day, "09:00"),
        "/holds": order(service, day, "10:00"),
        "/series": {**order(service, day, "11:00"), "rule": "FREQ=DAILY;COUNT=1"},
        "/visits": {"services": [{"service_id": service}], "date": day, "time": "12:00"},
    }
    shots = [Shot(ana.api, "POST", path, body, key()) for path, body in orders.items()]
    shots.append(Shot(ana.api, "POST", "/appointments", order(service, day, "09:00"), key()))
    wish = Shot(ana.api, "POST", "/waitlist", {"service_id": service, "first_date": day, "last_date": day}, key())
    first = [volley([shot])[0] for shot in shots]
    assert [answer.status for answer in first] == [201, 201, 201, 201, 409]
    wished = volley([wish])[0]

    ana.api.delete(f"/appointments/me/{json.loads(first[0].body)['object_id']}")
    a_day_later(worker_database, [(shot.headers or {})["idempotency-key"] for shot in (*shots, wish)])
    again = [volley([shot])[0] for shot in shots]
    assert [said(answer) for answer in again] == [said(answer) for answer in first]
    assert volley([wish])[0].body != wished.body
    another = Shot(ana.api, "POST", "/appointments", order(service, day, "14:00"), shots[0].headers)
    assert volley([another])[0].status == 422


def test_a_request_without_a_key_leaves_nothing_behind_after_a_day(salon: Salon, worker_database: URL) -> None:
    ana = salon.make_customer()
    made(ana.api.post("/appointments", order(salon.make_service(), salon.open_day())))
    mine = text("SELECT key FROM idempotency_keys WHERE actor = :actor")
    with engine(worker_database, isolation_level="AUTOCOMMIT").connect() as connection:
        kept = list(connection.scalars(mine, {"actor": ana.id}))
        a_day_later(worker_database, kept)
        assert len(kept) == 1
        assert list(connection.scalars(mine, {"actor": ana.id})) == []
