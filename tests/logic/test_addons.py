"""What can be added to a service."""

import pytest
from tests.support.salon import Salon, is_problem, made, order


def test_an_add_on_is_listed_lengthens_and_raises_the_price(salon: Salon) -> None:
    service, day, ana = salon.make_service(duration=30), salon.open_day(), salon.make_customer()
    staff = salon.make_staff()
    addon = made(staff.api.post(f"/services/{service}/addons", {"name": "Wash", "duration": 15, "price": "20.50"}))
    assert salon.anyone.get(f"/services/{service}/addons").json() == [
        {"id": addon, "name": "Wash", "duration": 15, "price": "20.50 RON", "price_minor": 2050, "currency": "RON"}
    ]
    booked = salon.book(ana, service, day, addons=[addon])
    row = ana.api.get(f"/appointments/{booked}").json()
    assert (row["duration"], row["price"]) == (45, "100.50 RON")


def test_an_add_on_is_changed_and_removed_and_appointments_keep_theirs(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    addon = made(salon.admin.api.post(f"/services/{service}/addons", {"name": "Wash", "duration": 15, "price": 20}))
    booked = salon.book(ana, service, day, addons=[addon])
    one = f"/services/{service}/addons/{addon}"
    assert salon.admin.api.put(one, {"name": "Long wash", "duration": 0}).status_code == 200
    row = salon.anyone.get(f"/services/{service}/addons").json()[0]
    assert (row["name"], row["duration"], row["price"]) == ("Long wash", 0, "20 RON")
    assert salon.admin.api.delete(one).status_code == 200
    assert salon.anyone.get(f"/services/{service}/addons").json() == []
    assert is_problem(salon.admin.api.delete(one), 404, "not_found")
    assert is_problem(salon.admin.api.put(one, {"duration": 5}), 404, "not_found")
    kept = ana.api.get(f"/appointments/{booked}").json()
    assert (kept["duration"], [each["name"] for each in kept["addons"]]) == (45, ["Wash"])
    answered = ana.api.post("/appointments", order(service, day, "12:00", addons=[addon]))
    assert is_problem(answered, 422, "unknown_reference")


def test_what_is_offered_with_add_ons_is_long_enough_for_them(salon: Salon) -> None:
    service, day, ana = salon.make_service(duration=30), salon.open_day("09:00", "11:00"), salon.make_customer()
    addons = [
        made(salon.admin.api.post(f"/services/{service}/addons", {"name": "Wash", "duration": minutes}))
        for minutes in (20, 40)
    ]
    wanted = {"service_id": service, "addons": ",".join(map(str, reversed(addons)))}
    offered = salon.anyone.get("/available-timeslots", {**wanted, "date": day}).json()["available_slots"]
    assert (salon.slots(service, day)[-1], offered[-1]) == ("10:30", "09:30")
    days = salon.anyone.get("/available-timeslots/days", {**wanted, "first": day, "last": day}).json()
    assert days == {"days": {day: offered}}
    why = salon.anyone.get("/available-timeslots", {**wanted, "date": day, "explain": 1}).json()
    assert {"time": "09:40", "reason": "outside_hours"} in why["unavailable"]
    at = {"date": day, "time": "09:40"}
    verdicts = salon.admin.api.get("/available-timeslots/verdicts", {**wanted, **at}).json()
    assert {one["reason"] for one in verdicts if one["provider"]["id"] == 1} == {"outside_hours"}
    assert is_problem(ana.api.post("/appointments", order(service, day, "09:40", addons=addons)), 422, "closed")
    salon.book(ana, service, day, "09:30", addons=addons)
    assert salon.anyone.get("/available-timeslots", {**wanted, "date": day}).json() == {"available_slots": []}
    assert salon.slots(service, day)[-1] == "09:00"


def test_the_next_free_times_with_add_ons_are_long_enough_for_them(salon: Salon) -> None:
    provider = salon.make_provider()
    day, service = salon.open_day("09:00", "10:00", provider=provider), salon.make_service(duration=30)
    addon = made(salon.admin.api.post(f"/services/{service}/addons", {"name": "Wash", "duration": 30}))
    wanted = {"service_id": service, "provider_id": provider, "addons": addon}
    found = salon.anyone.get("/available-timeslots/next", wanted).json()
    assert [(start["date"], start["time"]) for start in found] == [(day, "09:00")]


SLOTS = {
    "": {"date": "2027-03-01"},
    "/days": {"first": "2027-03-01", "last": "2027-03-02"},
    "/next": {},
    "/verdicts": {"date": "2027-03-01", "time": "09:00"},
}


@pytest.mark.parametrize("path", SLOTS)
def test_free_times_with_what_is_no_add_on_of_the_service_are_refused(salon: Salon, path: str) -> None:
    service, other = salon.make_service(), salon.make_service()
    foreign = made(salon.admin.api.post(f"/services/{other}/addons", {"name": "Wash"}))
    asked = {**SLOTS[path], "service_id": service}
    answered = salon.admin.api.get(f"/available-timeslots{path}", {**asked, "addons": foreign})
    assert is_problem(answered, 422, "unknown_reference")
    for wrong in ("x", "1,", "1;2", "-1", "9" * 19):
        answered = salon.admin.api.get(f"/available-timeslots{path}", {**asked, "addons": wrong})
        assert is_problem(answered, 422, "invalid"), wrong
        assert [fault["pointer"] for fault in answered.json()["errors"]] == ["/addons"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/name"),
        ({"name": "Wash", "duration": -1}, "/duration"),
        ({"name": "Wash", "duration": 1441}, "/duration"),
        ({"name": "Wash", "price": "free"}, "/price"),
        ({"name": "Wash", "price": "5 USD"}, "/price"),
        ({"name": "Wash", "colour": "red"}, "/colour"),
    ],
)
def test_what_is_no_add_on_is_refused_with_its_place(salon: Salon, body: dict[str, object], place: str) -> None:
    answered = salon.admin.api.post(f"/services/{salon.make_service()}/addons", body)
    assert is_problem(answered, 422, "invalid")
    assert [fault["pointer"] for fault in answered.json()["errors"]] == [place]


def test_only_staff_change_add_ons_of_services_that_exist(salon: Salon) -> None:
    service, ana = salon.make_service(), salon.make_customer()
    assert is_problem(ana.api.post(f"/services/{service}/addons", {"name": "Wash"}), 403, "role_not_allowed")
    assert is_problem(salon.anyone.post(f"/services/{service}/addons", {"name": "Wash"}), 401, "unauthenticated")
    assert is_problem(salon.admin.api.post(f"/services/{2**62}/addons", {"name": "Wash"}), 404, "not_found")
    assert is_problem(salon.anyone.get(f"/services/{2**62}/addons"), 404, "not_found")
    addon = made(salon.admin.api.post(f"/services/{service}/addons", {"name": "Wash"}))
    other = salon.make_service()
    assert is_problem(salon.admin.api.delete(f"/services/{other}/addons/{addon}"), 404, "not_found")


def test_the_currency_of_a_service_with_add_ons_stays(salon: Salon) -> None:
    service = salon.make_service(price="80 RON")
    made(salon.admin.api.post(f"/services/{service}/addons", {"name": "Wash", "price": 20}))
    assert is_problem(salon.admin.api.put(f"/services/{service}", {"price": "80 USD"}), 422, "rule_broken")
    assert salon.admin.api.put(f"/services/{service}", {"price": "90 RON"}).status_code == 200
