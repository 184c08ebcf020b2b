"""The places of the business, and when they are closed."""

import pytest
from sqlalchemy import text
from tests.support.databases import engine
from tests.support.processes import Site
from tests.support.salon import Salon, ids, is_problem, made, unique


def closure(day: str, start: str = "09:00", end: str = "12:00", **more: object) -> dict[str, object]:
    return {"starts_at": f"{day}T{start}:00Z", "ends_at": f"{day}T{end}:00Z", **more}


def test_a_new_location_has_a_provider_and_is_booked_by_its_own_clock(salon: Salon) -> None:
    name = f"Branch {unique()}"
    answered = salon.admin.api.post("/locations", {"name": name, "timezone": "America/New_York"})
    branch, provider = made(answered), answered.json()["provider_id"]
    row = next(row for row in salon.anyone.get("/locations").json() if row["id"] == branch)
    assert row.items() >= {"name": name, "timezone": "America/New_York", "currency": "EUR", "locale": "en"}.items()
    service, day, ana = salon.make_service(), salon.open_day(provider=provider), salon.make_customer()
    found = salon.anyone.get("/available-timeslots", {"date": day, "service_id": service, "location_id": branch})
    assert found.json()["available_slots"][0] == "09:00"
    booked = salon.book(ana, service, day, location_id=branch)
    row = ana.api.get(f"/appointments/{booked}").json()
    assert (row["location_id"], row["provider"]["id"], row["time"]) == (branch, provider, "09:00")
    assert row["starts_at"][11:16] in ("13:00", "14:00")


def test_the_first_location_stays_the_first(salon: Salon) -> None:
    first = salon.anyone.get("/location").json()
    made(salon.admin.api.post("/locations", {"name": "Branch"}))
    assert salon.anyone.get("/location").json() == first == salon.anyone.get("/locations").json()[0]


def test_one_location_is_changed_and_no_other(salon: Salon) -> None:
    branch = made(salon.admin.api.post("/locations", {"name": "Branch"}))
    change = {"name": "Office", "timezone": "Asia/Tokyo", "currency": "JPY", "address": "1-1", "locale": "ja-JP"}
    assert salon.admin.api.put(f"/locations/{branch}", change).status_code == 200
    rows = {row["id"]: row for row in salon.anyone.get("/locations").json()}
    assert rows[branch] == {"id": branch, **change}
    assert rows[1]["timezone"] == "UTC"
    assert is_problem(salon.admin.api.put(f"/locations/{2**62}", change), 404, "not_found")


@pytest.mark.parametrize(
    "change",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "localtime"},
        {"currency": "XXZ"},
        {"locale": "Romanian"},
        {"planet": "Mars"},
    ],
)
def test_a_location_that_is_none_is_refused(salon: Salon, change: dict[str, str]) -> None:
    assert is_problem(salon.admin.api.post("/locations", {"name": "Branch", **change}), 422, "invalid")
    assert is_problem(salon.admin.api.put("/locations/1", change), 422, "invalid")


def test_the_first_hour_of_a_day_whose_midnight_comes_twice_is_that_day_s(salon: Salon, roles: Site) -> None:
    """In Havana the clock goes back from one to midnight; the first of the two midnights counts."""
    answered = salon.admin.api.post("/locations", {"name": "Havana", "timezone": "America/Havana"})
    provider = answered.json()["provider_id"]
    service, day, ana = salon.make_service(), salon.open_day(provider=provider), salon.make_customer()
    booked = salon.book(ana, service, day, provider_id=provider)
    with engine(roles.database).begin() as connection:
        moved = "UPDATE appointments SET starts_at = '2027-11-07 04:10Z', ends_at = '2027-11-07 04:40Z' WHERE id = :id"
        connection.execute(text(moved), {"id": booked})
    row = ana.api.get(f"/appointments/{booked}").json()
    assert (row["date"], row["time"]) == ("2027-11-07", "00:10")
    assert booked in ids(salon.admin.api.get("/appointments/date/2027-11-07").json())
    assert booked not in ids(salon.admin.api.get("/appointments/date/2027-11-06").json())


def test_only_an_admin_opens_locations(salon: Salon) -> None:
    staff = salon.make_staff()
    assert is_problem(staff.api.post("/locations", {"name": "Mine"}), 403, "role_not_allowed")
    assert is_problem(staff.api.put("/locations/1", {"name": "Mine"}), 403, "role_not_allowed")
    assert is_problem(salon.anyone.post("/locations", {"name": "Mine"}), 401, "unauthenticated")


def test_a_closure_closes_all_of_a_location_and_nothing_else(salon: Salon) -> None:
    answered = salon.admin.api.post("/locations", {"name": "Branch"})
    branch, mia = made(answered), answered.json()["provider_id"]
    service, leo = salon.make_service(duration=60, slot_interval=60), salon.make_provider()
    day = salon.open_day("09:00", "14:00", provider=mia)
    salon.open_day("09:00", "14:00", provider=leo, day=day)
    staff = salon.make_staff()
    number = made(staff.api.post("/closures", closure(day, location_id=branch, reason="Fair")))
    assert salon.slots(service, day, provider=mia) == ["12:00", "13:00"]
    assert salon.slots(service, day, provider=leo) == ["09:00", "10:00", "11:00", "12:00", "13:00"]
    assert salon.anyone.get("/closures", {"location_id": branch}).json() == [
        {"id": number, "location_id": branch, "starts_at": f"{day}T09:00:00Z", "ends_at": f"{day}T12:00:00Z",
         "reason": "Fair"}
    ]  # fmt: skip
    assert number in ids(salon.anyone.get("/closures").json())
    assert staff.api.delete(f"/closures/{number}").status_code == 200
    assert salon.slots(service, day, provider=mia)[0] == "09:00"
    assert is_problem(staff.api.delete(f"/closures/{number}"), 404, "not_found")


def test_only_staff_close(salon: Salon) -> None:
    day, ana = salon.fresh_day(), salon.make_customer()
    for api, status in ((salon.anyone, 401), (ana.api, 403)):
        assert api.post("/closures", closure(day)).status_code == status
        assert api.delete("/closures/1").status_code == status
    answered = salon.admin.api.post("/closures", closure(day, location_id=2**62))
    assert is_problem(answered, 422, "unknown_reference")


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ("2027-03-01T09:00:00Z", "2027-03-01T09:00:00Z"),
        ("2027-03-01T09:00:00Z", "2027-03-01T08:00:00Z"),
        ("2027-03-01T09:00:00", "2027-03-01T10:00:00"),
        ("2027-03-01", "2027-03-02"),
        ("2027-03-01T09:00:00.5Z", "2027-03-01T10:00:00Z"),
        ("0001-01-01T00:00:00+14:00", "2027-03-01T10:00:00Z"),
        ("2027-03-01T09:00:00Z", "2029-06-01T10:00:00Z"),
        (None, 5),
    ],
)
def test_a_closure_that_is_no_span_is_refused(salon: Salon, starts: object, ends: object) -> None:
    assert is_problem(salon.admin.api.post("/closures", {"starts_at": starts, "ends_at": ends}), 422, "invalid")
    provider = salon.make_provider()
    answered = salon.admin.api.post(f"/providers/{provider}/time-off", {"starts_at": starts, "ends_at": ends})
    assert is_problem(answered, 422, "invalid")
