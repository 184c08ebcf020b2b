"""Opening dates and closing them again, providers with weekly hours, and the place."""

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.support.api import Front
from tests.support.processes import Site
from tests.support.salon import Salon, is_problem, made


def span(day: str, start: str = "09:00", end: str = "17:00", **more: object) -> dict[str, object]:
    return {"date": day, "start_time": start, "end_time": end, **more}


def test_a_date_that_staff_open_is_offered_and_listed(salon: Salon) -> None:
    service, day, staff = salon.make_service(), salon.fresh_day(), salon.make_staff()
    assert salon.slots(service, day) == []
    answered = staff.api.post("/availability", span(day, "09:00", "10:00"))
    assert set(answered.json()) == {"message", "object_id"}
    row = staff.api.get(f"/availability/{day}").json()[0]
    assert row.items() >= {"id": made(answered), "date": day, "start_time": "09:00", "end_time": "10:00"}.items()
    assert salon.slots(service, day) == ["09:00", "09:10", "09:20", "09:30"]


def test_24_00_is_an_end_and_is_shown_as_one(salon: Salon) -> None:
    day = salon.open_day("23:00", "24:00")
    assert salon.admin.api.get(f"/availability/{day}").json()[0]["end_time"] == "24:00"
    assert salon.slots(salon.make_service(), day)[-1] == "23:30"


def test_spans_that_touch_are_one_opening_and_overlapping_ones_are_refused(salon: Salon) -> None:
    service, day = salon.make_service(duration=60), salon.open_day("09:00", "10:00")
    for start, end in (("09:30", "10:30"), ("09:00", "10:00"), ("08:00", "12:00"), ("09:59", "24:00")):
        answered = salon.admin.api.post("/availability", span(day, start, end))
        assert is_problem(answered, 409, "availability_overlaps")
    made(salon.admin.api.post("/availability", span(day, "10:00", "11:00")))
    assert "09:30" in salon.slots(service, day)


def test_two_providers_may_be_open_at_once(salon: Salon) -> None:
    mia, day = salon.make_provider(), salon.open_day()
    made(salon.admin.api.post("/availability", span(day, provider_id=mia)))
    rows = salon.admin.api.get(f"/availability/{day}").json()
    assert mia in {row["provider_id"] for row in rows}
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("start", "end"),
    [("10:00", "10:00"), ("10:00", "09:00"), ("24:00", "24:00"), ("9:00", "10:00"), ("09:00", "24:01")],
)
def test_a_span_that_is_none_is_refused(salon: Salon, start: str, end: str) -> None:
    assert is_problem(salon.admin.api.post("/availability", span(salon.fresh_day(), start, end)), 422, "invalid")


def test_a_provider_who_does_not_exist_cannot_be_open(salon: Salon) -> None:
    answered = salon.admin.api.post("/availability", span(salon.fresh_day(), provider_id=2**62))
    assert is_problem(answered, 422, "unknown_reference")


def test_only_staff_open_and_close(salon: Salon) -> None:
    day, ana = salon.open_day(), salon.make_customer()
    number = salon.admin.api.get(f"/availability/{day}").json()[0]["id"]
    for api, status in ((salon.anyone, 401), (ana.api, 403)):
        assert api.get(f"/availability/{day}").status_code == status
        assert api.post("/availability", span(day)).status_code == status
        assert api.delete(f"/availability/{number}").status_code == status


def test_a_closed_date_is_offered_no_more_and_a_second_time_not_found(salon: Salon) -> None:
    service, day = salon.make_service(), salon.open_day()
    number = salon.admin.api.get(f"/availability/{day}").json()[0]["id"]
    answered = salon.admin.api.delete(f"/availability/{number}")
    assert (answered.status_code, list(answered.json())) == (200, ["message"])
    assert salon.slots(service, day) == []
    assert is_problem(salon.admin.api.delete(f"/availability/{number}"), 404, "not_found")


def test_a_span_with_appointments_in_it_stays_until_they_are_cancelled(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    number = salon.admin.api.get(f"/availability/{day}").json()[0]["id"]
    assert is_problem(salon.admin.api.delete(f"/availability/{number}"), 409, "availability_in_use")
    ana.api.delete(f"/appointments/me/{booked}")
    assert salon.admin.api.delete(f"/availability/{number}").status_code == 200


def test_an_appointment_of_another_span_holds_up_no_deletion(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day("09:00", "12:00"), salon.make_customer()
    afternoon = made(salon.admin.api.post("/availability", span(day, "12:00", "17:00")))
    salon.book(ana, service, day, "11:30")
    assert salon.admin.api.delete(f"/availability/{afternoon}").status_code == 200


def test_weekly_hours_open_every_week_and_are_replaced(salon: Salon) -> None:
    service = salon.make_service()
    day = date.fromisoformat(salon.fresh_day())
    hours = [{"weekday": day.isoweekday(), "start_time": "09:00", "end_time": "10:00"}]
    mia = salon.make_provider(services=[service], hours=hours)
    for week in (0, 1):
        on = (day + timedelta(weeks=week)).isoformat()
        assert salon.slots(service, on, provider=mia) == ["09:00", "09:10", "09:20", "09:30"]
    assert salon.slots(service, (day + timedelta(days=1)).isoformat(), provider=mia) == []
    assert salon.admin.api.put(f"/providers/{mia}", {"hours": []}).status_code == 200
    assert salon.slots(service, day.isoformat(), provider=mia) == []


def test_providers_are_listed_with_what_they_do_and_when(salon: Salon) -> None:
    service = salon.make_service()
    hours = [{"weekday": 1, "start_time": "09:00", "end_time": "24:00"}]
    mia = salon.make_provider(name="Mia", services=[service], hours=hours)
    leo = salon.make_provider(name="Leo")
    rows = {row["id"]: row for row in salon.anyone.get("/providers").json()}
    assert rows[mia] == {"id": mia, "name": "Mia", "is_default": False, "services": [service], "hours": hours,
                         "location_id": 1, "own": []}  # fmt: skip
    assert rows[leo]["services"] is None
    assert [row["is_default"] for row in rows.values()].count(True) == 1


def test_a_provider_is_changed_by_staff_and_retired_by_an_admin(salon: Salon) -> None:
    service, mia, staff, ana = salon.make_service(), salon.make_provider(), salon.make_staff(), salon.make_customer()
    day = salon.open_day(provider=mia)
    booked = salon.book(ana, service, day, provider_id=mia)
    assert staff.api.put(f"/providers/{mia}", {"name": "Mia", "services": None}).status_code == 200
    assert is_problem(ana.api.put(f"/providers/{mia}", {"name": "x"}), 403, "role_not_allowed")
    assert is_problem(staff.api.delete(f"/providers/{mia}"), 403, "role_not_allowed")
    assert is_problem(salon.admin.api.delete(f"/providers/{mia}"), 409, "appointments_affected")
    assert salon.admin.api.delete(f"/providers/{mia}?keep=1").status_code == 200
    assert salon.slots(service, day, provider=mia) == []
    assert [row["id"] for row in ana.api.get("/appointments/me").json()] == [booked]
    assert is_problem(salon.admin.api.delete(f"/providers/{mia}"), 404, "not_found")
    assert mia not in {row["id"] for row in salon.anyone.get("/providers").json()}


def test_a_provider_of_unknown_services_or_members_is_refused(salon: Salon) -> None:
    answered = salon.admin.api.post("/providers", {"name": "Mia", "services": [2**62]})
    assert is_problem(answered, 422, "unknown_reference")
    assert is_problem(salon.admin.api.post("/providers", {"name": "Mia", "colour": "red"}), 422, "invalid")
    assert is_problem(salon.admin.api.put(f"/providers/{2**62}", {"name": "Mia"}), 404, "not_found")


def test_an_admin_changes_the_place_and_local_times_follow(everything: Site, salon: Salon) -> None:
    other = salon.through(Front(everything))
    assert other.admin.api.put("/location", {"timezone": "UTC", "currency": "EUR"}).status_code == 200
    change = {"timezone": "Europe/Bucharest", "currency": "RON", "name": "Salon", "address": "Strada 1"}
    assert other.admin.api.put("/location", change).status_code == 200
    assert other.anyone.get("/location").json() == {"id": 1, "locale": "en", **change}
    service, ana = other.make_service(price=80), other.make_customer()
    assert [row["price"] for row in other.anyone.get("/services").json() if row["id"] == service] == ["80 RON"]
    year = datetime.now(UTC).year + (datetime.now(UTC).month > 3)
    spring = next(day for day in (date(year, 3, 31) - timedelta(days=n) for n in range(7)) if day.isoweekday() == 7)
    made(other.admin.api.post("/availability", span(spring.isoformat(), "02:00", "05:00")))
    hourly = other.make_service(duration=60, slot_interval=30)
    assert other.slots(hourly, spring.isoformat()) == ["02:00", "02:30", "04:00"]
    order = {"service_id": hourly, "date": spring.isoformat(), "time": "03:30"}
    assert is_problem(ana.api.post("/appointments", order), 422, "no_such_time")
    booked = other.book(ana, hourly, spring.isoformat(), "02:30")
    row = ana.api.get(f"/appointments/{booked}").json()
    assert (row["time"], row["starts_at"][11:16]) == ("02:30", "00:30")
    assert row["ends_at"][11:16] == "01:30"


@pytest.mark.parametrize(
    "change", [{"timezone": "Mars/Olympus"}, {"currency": "XXZ"}, {"name": ""}, {"planet": "Mars"}]
)
def test_a_place_that_is_none_is_refused(salon: Salon, change: dict[str, str]) -> None:
    assert is_problem(salon.admin.api.put("/location", change), 422, "invalid")


def test_only_an_admin_changes_the_place(salon: Salon) -> None:
    change = {"name": "Mine"}
    assert is_problem(salon.make_staff().api.put("/location", change), 403, "role_not_allowed")
    assert is_problem(salon.anyone.put("/location", change), 401, "unauthenticated")


def test_a_dry_run_of_a_deletion_tells_what_the_deletion_would(salon: Salon) -> None:
    """The weekly hours hold the appointment too: nobody would be outside, and it is refused all the same."""
    service, ana = salon.make_service(), salon.make_customer()
    provider = salon.make_provider(services=[service])
    day = salon.open_day("09:00", "10:00", provider=provider)
    every = [{"weekday": weekday, "start_time": "08:00", "end_time": "12:00"} for weekday in range(1, 8)]
    assert salon.admin.api.put(f"/providers/{provider}", {"hours": every}).status_code == 200
    salon.book(ana, service, day, "09:00", provider_id=provider)
    number = next(
        row["id"] for row in salon.admin.api.get(f"/availability/{day}").json() if row["provider_id"] == provider
    )
    for query in ("?dry_run=1", ""):
        assert is_problem(salon.admin.api.delete(f"/availability/{number}{query}"), 409, "availability_in_use")
    assert salon.admin.api.delete(f"/availability/{number}?keep=1").status_code == 200
