"""The catalogue: who changes it, what a price is, and what happens to a service that was booked."""

from typing import Any

import pytest
from tests.support.api import Front
from tests.support.processes import Site
from tests.support.salon import Salon, is_problem, made, unique
from tests.support.waiting import until

ELSEWHERE_WITHIN = 1.0
SLACK = 1.0
"""Two busy cores may take that long to notice."""


def found(salon: Salon, service: int) -> dict[str, Any]:
    return next((row for row in salon.anyone.get("/services").json() if row["id"] == service), {})


def test_a_service_is_listed_as_old_clients_know_it_and_more(salon: Salon) -> None:
    name = f"Cut {unique()}"
    answered = salon.admin.api.post("/services", {"name": name, "price": "80.50 RON", "duration": 30})
    assert set(answered.json()) == {"message", "object_id"}
    row = found(salon, made(answered))
    assert row.items() >= {"name": name, "price": "80.50 RON", "duration": 30}.items()
    assert (row["price_minor"], row["currency"], row["slot_interval"]) == (8050, "RON", 10)


@pytest.mark.parametrize(
    ("price", "shown"),
    [(80, "80 EUR"), (80.5, "80.50 EUR"), ("80", "80 EUR"), ("80.5 RON", "80.50 RON"), (0, "0 EUR")],
)
def test_a_price_is_a_number_or_text_with_an_optional_currency(salon: Salon, price: object, shown: str) -> None:
    assert found(salon, salon.make_service(price=price))["price"] == shown


@pytest.mark.parametrize("price", ["free", "80,50", -1, "1.005", 1.005, "80 XYZ", True, None, [], "1e9"])
def test_what_is_no_price_is_refused_with_its_place(salon: Salon, price: object) -> None:
    answered = salon.admin.api.post("/services", {"name": "Cut", "price": price, "duration": 30})
    assert is_problem(answered, 422, "invalid")
    assert [fault["pointer"] for fault in answered.json()["errors"]] == ["/price"]


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, {"/name", "/price", "/duration"}),
        ({"name": "", "price": 1, "duration": 0}, {"/name", "/duration"}),
        ({"name": "Cut", "price": 1, "duration": "30"}, {"/duration"}),
        ({"name": "Cut", "price": 1, "duration": 1441, "slot_interval": 1, "buffer_after": -1},
         {"/duration", "/slot_interval", "/buffer_after"}),
    ],
)  # fmt: skip
def test_all_faults_of_a_service_are_told_at_once(salon: Salon, body: dict[str, object], places: set[str]) -> None:
    answered = salon.admin.api.post("/services", body)
    assert is_problem(answered, 422, "invalid")
    assert {fault["pointer"] for fault in answered.json()["errors"]} == places


def test_only_staff_change_the_catalogue(salon: Salon) -> None:
    service, ana, staff = salon.make_service(), salon.make_customer(), salon.make_staff()
    body = {"name": "Cut", "price": 1, "duration": 30}
    for api, status in ((salon.anyone, 401), (ana.api, 403)):
        assert api.post("/services", body).status_code == status
        assert api.put(f"/services/{service}", body).status_code == status
        assert api.delete(f"/services/{service}").status_code == status
    assert staff.api.put(f"/services/{service}", {"name": "Trim"}).status_code == 200
    assert staff.api.delete(f"/services/{service}").status_code == 200


def test_a_change_leaves_what_it_does_not_name(salon: Salon) -> None:
    service = salon.make_service(price="80 RON", duration=30)
    answered = salon.admin.api.put(f"/services/{service}", {"name": "Trim"})
    assert (answered.status_code, list(answered.json())) == (200, ["message"])
    assert found(salon, service).items() >= {"name": "Trim", "price": "80 RON", "duration": 30}.items()
    salon.admin.api.put(f"/services/{service}", {"price": 90, "duration": 45})
    assert found(salon, service).items() >= {"name": "Trim", "price_minor": 9000, "duration": 45}.items()


def test_a_service_that_nobody_booked_is_deleted_and_a_second_time_not_found(salon: Salon) -> None:
    service = salon.make_service()
    assert salon.admin.api.delete(f"/services/{service}").status_code == 200
    assert found(salon, service) == {}
    assert is_problem(salon.admin.api.delete(f"/services/{service}"), 404, "not_found")
    assert is_problem(salon.admin.api.put(f"/services/{service}", {"name": "Trim"}), 404, "not_found")


def test_one_that_has_appointments_is_deactivated_and_they_stay(salon: Salon) -> None:
    service, day, ana = salon.make_service(name="Cut"), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    answered = salon.admin.api.delete(f"/services/{service}")
    assert (answered.status_code, list(answered.json())) == (200, ["message"])
    assert found(salon, service) == {}
    row = ana.api.get("/appointments/me").json()[0]
    assert row["service"] == {"id": service, "name": "Cut"}
    order = {"service_id": service, "date": day, "time": "12:00"}
    assert is_problem(ana.api.post("/appointments", order), 422, "unknown_reference")
    assert is_problem(salon.anyone.get("/available-timeslots", {"date": day, "service_id": service}), 404, "not_found")
    assert is_problem(salon.admin.api.delete(f"/services/{service}"), 404, "not_found")
    assert ana.api.put(f"/appointments/me/{booked}", {"date": day, "time": "10:00"}).status_code == 200


def test_a_write_shows_at_once_where_it_was_made_and_elsewhere_within_a_second(
    salon: Salon, replicas: tuple[Site, Site]
) -> None:
    here, there = (salon.through(Front(site)) for site in replicas)
    writer = here.anyone.bearing(salon.admin.api.token)
    there.anyone.get("/services")
    here.anyone.get("/services")
    service = made(writer.post("/services", {"name": "Cut", "price": 1, "duration": 30}))
    assert found(here, service)
    until(lambda: bool(found(there, service)), ELSEWHERE_WITHIN + SLACK)
    writer.put(f"/services/{service}", {"name": "Trim"})
    assert found(here, service)["name"] == "Trim"
    until(lambda: found(there, service)["name"] == "Trim", ELSEWHERE_WITHIN + SLACK)
    writer.delete(f"/services/{service}")
    assert found(here, service) == {}
    until(lambda: not found(there, service), ELSEWHERE_WITHIN + SLACK)
