"""Days that replace the weekly hours, and time off."""

from datetime import date

import pytest
from tests.support.salon import Salon, ids, is_problem, made

MORNING = {"start_time": "09:00", "end_time": "12:00"}


def open_weekly(salon: Salon, day: str, service: int) -> int:
    """Return a provider of one service who is open from nine to twelve on the weekday of a date."""
    hours = [{"weekday": date.fromisoformat(day).isoweekday(), **MORNING}]
    return salon.make_provider(hours=hours, services=[service])


def test_a_replaced_day_has_its_own_hours_until_it_is_restored(salon: Salon) -> None:
    day, service = salon.fresh_day(), salon.make_service(duration=60, slot_interval=60)
    mia, staff = open_weekly(salon, day, service), salon.make_staff()
    one = f"/providers/{mia}/days/{day}"
    assert staff.api.get(one).json() == {"date": day, "is_replaced": False, "intervals": [MORNING]}
    intervals = [{"start_time": "15:00", "end_time": "16:00"}, {"start_time": "08:00", "end_time": "09:00"}]
    assert staff.api.put(one, {"intervals": intervals}).status_code == 200
    assert staff.api.get(one).json() == {"date": day, "is_replaced": True, "intervals": intervals[::-1]}
    assert salon.slots(service, day, provider=mia) == ["08:00", "15:00"]
    assert staff.api.put(one, {"intervals": []}).status_code == 200
    assert salon.slots(service, day, provider=mia) == []
    assert staff.api.delete(one).status_code == 200
    assert salon.slots(service, day, provider=mia) == ["09:00", "10:00", "11:00"]
    assert is_problem(staff.api.delete(one), 404, "not_found")


def test_an_availability_adds_to_a_replaced_day(salon: Salon) -> None:
    day, service = salon.fresh_day(), salon.make_service(duration=60, slot_interval=60)
    mia = open_weekly(salon, day, service)
    salon.admin.api.put(f"/providers/{mia}/days/{day}", {"intervals": []})
    salon.open_day("20:00", "21:00", provider=mia, day=day)
    assert salon.slots(service, day, provider=mia) == ["20:00"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"intervals": None},
        {"intervals": [{"start_time": "09:00", "end_time": "09:00"}]},
        {"intervals": [{"start_time": "9", "end_time": "10:00"}]},
        {"intervals": [MORNING], "colour": "red"},
        {"intervals": [MORNING] * 51},
    ],
)
def test_hours_that_are_none_are_refused(salon: Salon, body: dict[str, object]) -> None:
    answered = salon.admin.api.put(f"/providers/{salon.make_provider()}/days/2027-03-01", body)
    assert is_problem(answered, 422, "invalid")


def test_a_day_is_a_date_of_a_provider_who_exists(salon: Salon) -> None:
    api, mia = salon.admin.api, salon.make_provider()
    for day in ("2027-02-30", "20270301", "tomorrow"):
        assert is_problem(api.get(f"/providers/{mia}/days/{day}"), 422, "invalid")
        assert is_problem(api.put(f"/providers/{mia}/days/{day}", {"intervals": []}), 422, "invalid")
    assert is_problem(api.get(f"/providers/{2**62}/days/2027-03-01"), 404, "not_found")
    assert is_problem(api.put(f"/providers/{2**62}/days/2027-03-01", {"intervals": []}), 404, "not_found")


def test_time_off_is_one_provider_s_and_is_listed_until_it_is_over(salon: Salon) -> None:
    day, service = salon.fresh_day(), salon.make_service(duration=60, slot_interval=60)
    mia, leo, staff = open_weekly(salon, day, service), open_weekly(salon, day, service), salon.make_staff()
    span = {"starts_at": f"{day}T12:00:00+02:00", "ends_at": f"{day}T13:00:00+02:00", "reason": "Dentist"}
    number = made(staff.api.post(f"/providers/{mia}/time-off", span))
    assert salon.slots(service, day, provider=mia) == ["09:00", "11:00"]
    assert salon.slots(service, day, provider=leo) == ["09:00", "10:00", "11:00"]
    assert staff.api.get(f"/providers/{mia}/time-off").json() == [
        {"id": number, "starts_at": f"{day}T10:00:00Z", "ends_at": f"{day}T11:00:00Z", "reason": "Dentist"}
    ]
    over = {"starts_at": "2020-03-01T09:00:00Z", "ends_at": "2020-03-01T10:00:00Z"}
    made(staff.api.post(f"/providers/{mia}/time-off", over))
    assert ids(staff.api.get(f"/providers/{mia}/time-off").json()) == [number]
    assert is_problem(staff.api.delete(f"/providers/{leo}/time-off/{number}"), 404, "not_found")
    assert staff.api.delete(f"/providers/{mia}/time-off/{number}").status_code == 200
    assert salon.slots(service, day, provider=mia) == ["09:00", "10:00", "11:00"]
    assert is_problem(staff.api.delete(f"/providers/{mia}/time-off/{number}"), 404, "not_found")


def test_why_somebody_is_off_is_for_staff_alone(salon: Salon) -> None:
    mia, ana = salon.make_provider(), salon.make_customer()
    span = {"starts_at": "2027-03-01T09:00:00Z", "ends_at": "2027-03-01T10:00:00Z"}
    for api, status in ((salon.anyone, 401), (ana.api, 403)):
        for path in (f"/providers/{mia}/time-off", f"/providers/{mia}/days/2027-03-01"):
            assert api.get(path).status_code == status
        assert api.post(f"/providers/{mia}/time-off", span).status_code == status
        assert api.put(f"/providers/{mia}/days/2027-03-01", {"intervals": []}).status_code == status
        assert api.delete(f"/providers/{mia}/time-off/1").status_code == status
    assert is_problem(salon.admin.api.get(f"/providers/{2**62}/time-off"), 404, "not_found")
    assert is_problem(salon.admin.api.post(f"/providers/{2**62}/time-off", span), 404, "not_found")
