"""T32: any date in any zone is a quick answer or a quick refusal, never an error of ours."""

import time
import zoneinfo
from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.support.api import Front
from tests.support.processes import Site
from tests.support.salon import Salon

# localtime is a file of this machine, and no zone of PostgreSQL.
ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})
SECONDS, BYTES = 1.0, 1_000_000
FAR_OFF = ["0001-01-01", "0001-12-31", "1582-10-10", "1883-11-18", "1900-02-29", "1969-12-31", "1970-01-01",
"1970-01-02", "2038-01-19",
           "2999-12-30", "2999-12-31", "9999-12-30", "9999-12-31", "10000-01-01", "+002027-01-01", "-0001-01-01",
           "0000-00-00", "2027-02-30",
           "2027-13-01", "20270301", "2027-W09-1", "2027-060", "2027-3-1", "2027-03-01T00:00", "2027-03-01Z",
           " 2027-03-01",
           "\u0662\u0660\u0662\u0667-\u0660\u0663-\u0660\u0661", "2011-12-30", "1e9", "NaN", "today"]  # fmt: skip
common = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def always_open(everything: Site, client: httpx2.Client) -> tuple[Salon, int]:
    """A business that is open all day and every day, and a service with buffers."""
    salon = Salon(Front(everything), client)
    hours = [{"weekday": day, "start_time": "00:00", "end_time": "24:00"} for day in range(1, 8)]
    service = salon.make_service(slot_interval=5, buffer_before=30, buffer_after=720, booking_horizon=366 * 1440)
    salon.make_provider(hours=hours, services=[service])
    return salon, service


def quick(answered: httpx2.Response, began: float) -> httpx2.Response:
    assert answered.status_code in (200, 404, 422), answered.text
    assert time.monotonic() - began < SECONDS
    assert len(answered.content) < BYTES
    return answered


def slots(salon: Salon, service: int, day: str) -> httpx2.Response:
    began = time.monotonic()
    return quick(salon.anyone.get("/available-timeslots", {"date": day, "service_id": service}), began)


@settings(common, max_examples=60)
@given(zone=st.sampled_from(ZONES), day=st.dates())
@example(zone="Pacific/Apia", day=date(2011, 12, 30))
@example(zone="Africa/Monrovia", day=date(1972, 1, 7))
@example(zone="Pacific/Kiritimati", day=date.max)
@example(zone="Etc/GMT+12", day=date.min)
def test_any_date_in_any_zone_is_a_quick_answer(zone: str, day: date, always_open: tuple[Salon, int]) -> None:
    salon, service = always_open
    assert salon.admin.api.put("/location?keep=1", {"timezone": zone}).status_code == 200
    slots(salon, service, day.isoformat())
    for path in (f"/appointments/date/{day}", f"/availability/{day}"):
        began = time.monotonic()
        quick(salon.admin.api.get(path), began)


@settings(common, max_examples=40)
@given(zone=st.sampled_from(ZONES), ahead=st.integers(0, 366))
def test_the_days_that_can_be_booked_have_slots_in_any_zone(
    zone: str, ahead: int, always_open: tuple[Salon, int]
) -> None:
    salon, service = always_open
    assert salon.admin.api.put("/location?keep=1", {"timezone": zone}).status_code == 200
    day = (datetime.now(UTC) + timedelta(days=ahead)).date()
    found = slots(salon, service, day.isoformat()).json()["available_slots"]
    assert found == sorted(set(found))
    assert found or ahead in (0, 1, 365, 366)
    if found:
        booked = salon.admin.api.post("/appointments", {"service_id": service, "date": str(day), "time": found[-1]})
        assert booked.status_code in (201, 409, 422), booked.text
        if booked.status_code == 201:  # with its buffers it takes the days of other examples
            assert salon.admin.api.delete(f"/appointments/{booked.json()['object_id']}").status_code == 200


@pytest.mark.parametrize("day", FAR_OFF)
def test_an_odd_date_is_refused_everywhere(day: str, always_open: tuple[Salon, int]) -> None:
    salon, service = always_open
    admin = salon.admin.api
    inside = day in ("1970-01-02", "2011-12-30", "2038-01-19", "2999-12-30")
    assert slots(salon, service, day).status_code == (200 if inside else 422)
    began = time.monotonic()
    span = {"date": day, "start_time": "09:00", "end_time": "10:00"}
    assert admin.post("/availability", span).status_code == (201 if inside else 422)
    booked = admin.post("/appointments", {"service_id": service, "date": day, "time": "09:00"})
    assert booked.status_code == 422
    for path in (f"/appointments/date/{day}", f"/availability/{day}"):
        assert admin.get(path).status_code in ((200,) if inside else (404, 422)), path
    assert time.monotonic() - began < 5 * SECONDS


@pytest.mark.parametrize(
    "at", ["24:00", "25:00", "9:00", "09:60", "09:00:00", "0900", "09:00Z", "-1:00", "", "noon", " 09:00"]
)
def test_an_odd_time_is_refused(at: str, always_open: tuple[Salon, int]) -> None:
    salon, service = always_open
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    answered = salon.admin.api.post("/appointments", {"service_id": service, "date": day, "time": at})
    assert (answered.status_code, answered.json()["errors"][0]["pointer"]) == (422, "/time")


@pytest.mark.parametrize(
    "zone", ["", "UTC+2", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "utc\n", "a" * 65, None, 1]
)
def test_an_odd_zone_is_refused(zone: object, always_open: tuple[Salon, int]) -> None:
    salon, _ = always_open
    assert salon.admin.api.put("/location", {"timezone": zone}).status_code == 422
