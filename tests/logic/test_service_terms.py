"""What a service says of itself beyond name, price and duration; what hides, groups and is approved."""

from typing import Any

import pytest
from tests.support.salon import Salon, is_problem, made, order


def one(salon: Salon, service: int) -> dict[str, Any]:
    found: dict[str, Any] = salon.anyone.get(f"/services/{service}").json()
    return found


NEW = {
    "category": "Hair", "segments": [30, 45, 15], "duration": 90, "capacity": 3, "needs_approval": True,
    "is_hidden": False, "marks_late": True, "resource_type": "chair",
}  # fmt: skip


def test_what_is_not_sent_has_a_default_that_old_clients_know(salon: Salon) -> None:
    service = salon.make_service()
    expected = {"category": "", "segments": None, "capacity": 1, "needs_approval": False, "is_hidden": False,
                "marks_late": False, "resource_type": None, "slot_interval": 10, "buffer_before": 0, "buffer_after": 0,
                "minimum_notice": 0, "booking_horizon": 365 * 1440, "cancellation_window": None}  # fmt: skip
    row = next(row for row in salon.anyone.get("/services").json() if row["id"] == service)
    assert row.items() >= expected.items()


def test_a_service_keeps_and_changes_what_it_says_of_itself(salon: Salon) -> None:
    service = salon.make_service(**NEW)
    assert one(salon, service).items() >= NEW.items()
    change = {"category": "", "segments": None, "resource_type": None, "capacity": 1, "marks_late": False}
    assert salon.admin.api.put(f"/services/{service}", change).status_code == 200
    assert one(salon, service).items() >= (change | {"duration": 90, "needs_approval": True}).items()


def test_a_new_duration_makes_it_all_work_and_the_same_one_does_not(salon: Salon) -> None:
    service = salon.make_service(duration=90, segments=[30, 45, 15])
    salon.admin.api.put(f"/services/{service}", {"name": "Colour", "price": 90, "duration": 90})
    assert one(salon, service)["segments"] == [30, 45, 15]
    salon.admin.api.put(f"/services/{service}", {"duration": 60})
    assert one(salon, service).items() >= {"duration": 60, "segments": None}.items()
    salon.admin.api.put(f"/services/{service}", {"duration": 50, "segments": [20, 10, 20]})
    assert one(salon, service).items() >= {"duration": 50, "segments": [20, 10, 20]}.items()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"segments": [15, 15]}, "/segments"),
        ({"segments": [10, 10, 5]}, "/segments"),
        ({"segments": []}, "/segments"),
        ({"segments": [0, 10, 20]}, "/segments/0"),
        ({"capacity": 0}, "/capacity"),
        ({"capacity": 1001}, "/capacity"),
        ({"category": "a\nb"}, "/category"),
        ({"resource_type": ""}, "/resource_type"),
        ({"needs_approval": 1}, "/needs_approval"),
    ],
)
def test_what_makes_no_service_is_refused_with_its_place(salon: Salon, change: dict[str, Any], place: str) -> None:
    service = salon.make_service(duration=30)
    for answered in (
        salon.admin.api.put(f"/services/{service}", change),
        salon.admin.api.post("/services", {"name": "Cut", "price": 1, "duration": 30, **change}),
    ):
        assert is_problem(answered, 422, "invalid")
        assert [fault["pointer"] for fault in answered.json()["errors"]] == [place]


def test_a_hidden_service_is_not_listed_and_is_booked_by_its_id(salon: Salon) -> None:
    service, day, ana = salon.make_service(is_hidden=True), salon.open_day(), salon.make_customer()
    assert service not in {row["id"] for row in salon.anyone.get("/services").json()}
    assert one(salon, service)["is_hidden"] is True
    assert "09:00" in salon.slots(service, day)
    made(ana.api.post("/appointments", order(service, day)))
    staff = salon.make_staff()
    assert service in {row["id"] for row in staff.api.get("/services/all").json()}
    salon.admin.api.put(f"/services/{service}", {"is_hidden": False})
    assert service in {row["id"] for row in salon.anyone.get("/services").json()}


def test_staff_see_what_is_sold_no_more_and_nobody_else_does(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    salon.book(ana, service, day)
    salon.admin.api.delete(f"/services/{service}")
    rows = {row["id"]: row for row in salon.admin.api.get("/services/all").json()}
    assert rows[service]["is_active"] is False
    assert is_problem(salon.anyone.get(f"/services/{service}"), 404, "not_found")
    assert is_problem(salon.anyone.get("/services/all"), 401, "unauthenticated")
    assert is_problem(ana.api.get("/services/all"), 403, "role_not_allowed")


def test_while_it_takes_effect_somebody_else_is_served(salon: Salon) -> None:
    colour, cut = salon.make_service(duration=90, segments=[30, 30, 30]), salon.make_service(duration=30)
    day, ana = salon.open_day("09:00", "10:30"), salon.make_customer()
    salon.book(ana, colour, day)
    assert salon.slots(cut, day) == ["09:30"]


def test_a_group_has_as_many_seats_as_it_says(salon: Salon) -> None:
    yoga, day = salon.make_service(capacity=2), salon.open_day()
    first, second, third = salon.make_customers(3)
    salon.book(first, yoga, day)
    salon.book(second, yoga, day)
    assert is_problem(third.api.post("/appointments", order(yoga, day)), 409, "slot_taken")


def test_one_that_needs_approval_is_requested_and_then_confirmed(salon: Salon) -> None:
    service, day, ana = salon.make_service(needs_approval=True), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    assert ana.api.get(f"/appointments/{booked}").json()["status"] == "pending"
    assert salon.admin.api.post(f"/appointments/{booked}/confirm").status_code == 200
    assert ana.api.get(f"/appointments/{booked}").json()["status"] == "confirmed"


def test_a_late_cancellation_is_refused_or_marked_as_the_service_says(salon: Salon) -> None:
    strict = salon.make_service(cancellation_window=366 * 1440)
    kind = salon.make_service(cancellation_window=366 * 1440, marks_late=True)
    day, ana = salon.open_day(), salon.make_customer()
    refused, marked = salon.book(ana, strict, day), salon.book(ana, kind, day, "10:00")
    assert is_problem(ana.api.delete(f"/appointments/me/{refused}"), 422, "too_late_to_cancel")
    assert "late" in ana.api.delete(f"/appointments/me/{marked}").json()["message"]
    said = {one: ana.api.get(f"/appointments/{one}/history").json()[-1] for one in (refused, marked)}
    assert (said[refused]["action"], said[marked]["action"]) == ("booked", "cancelled")
    assert said[marked]["details"]["late"] is True


def test_what_was_promised_stays_when_the_service_changes(salon: Salon) -> None:
    service, day, ana = salon.make_service(price=80, duration=30), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    change = {"price": 100, "duration": 60, "segments": [20, 20, 20], "capacity": 4, "cancellation_window": 366 * 1440}
    assert salon.admin.api.put(f"/services/{service}", change).status_code == 200
    row = ana.api.get(f"/appointments/{booked}").json()
    assert (row["price"], row["duration"]) == ("80 EUR", 30)
    assert ana.api.delete(f"/appointments/me/{booked}").status_code == 200
