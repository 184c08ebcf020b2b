"""Standing appointments through real HTTP."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.support.api import Shot, volley
from tests.support.salon import Person, Salon, is_problem, made, order


def weeks(salon: Salon, number: int, start: str = "09:00", end: str = "12:00") -> tuple[int, int, list[str]]:
    """Return a service, its own provider, and as many dates a week apart on which he is open."""
    service = salon.make_service()
    provider = salon.make_provider(services=[service])
    first = date.fromisoformat(salon.fresh_day())
    days = [(first + timedelta(days=7 * week)).isoformat() for week in range(number)]
    for day in days:
        salon.open_day(start, end, provider=provider, day=day)
    return service, provider, days


def weekly(service: int, day: str, count: int, **more: Any) -> dict[str, Any]:
    return order(service, day, "09:00", rule=f"FREQ=WEEKLY;COUNT={count}", **more)


def count_of(who: Person) -> int:
    return len(who.api.get("/appointments/me").json())


def test_each_date_is_an_ordinary_appointment(salon: Salon) -> None:
    service, provider, days = weeks(salon, 4)
    ana = salon.make_customer()
    answered = ana.api.post("/series", weekly(service, days[0], 4, provider_id=provider))
    series = made(answered)
    assert answered.headers["location"] == f"/series/{series}"
    rows = ana.api.get("/appointments/me").json()
    assert [(row["date"], row["time"], row["series_id"]) for row in rows] == [(day, "09:00", series) for day in days]
    assert [row["appointment_id"] for row in answered.json()["dates"]] == [row["id"] for row in rows]
    shown = ana.api.get(f"/series/{series}").json()
    assert shown["rule"] == "FREQ=WEEKLY;COUNT=4"
    assert [row["id"] for row in shown["appointments"]] == [row["id"] for row in rows]
    history = ana.api.get(f"/appointments/{rows[1]['id']}/history").json()
    assert [event["action"] for event in history] == ["booked"]


def test_a_dry_run_says_which_dates_can_be_had_and_books_none(salon: Salon) -> None:
    service, _, days = weeks(salon, 3)
    ana, ion = salon.make_customer(), salon.make_customer()
    salon.book(ion, service, days[1], "09:10")
    answered = ana.api.post("/series", weekly(service, days[0], 4, dry_run=True))
    assert answered.status_code == 200
    shown = [(row["date"], row["ok"], row.get("code")) for row in answered.json()["dates"]]
    after = (date.fromisoformat(days[2]) + timedelta(days=7)).isoformat()
    assert shown == [
        (days[0], True, None),
        (days[1], False, "slot_taken"),
        (days[2], True, None),
        (after, False, "closed"),
    ]
    assert count_of(ana) == 0


def test_dates_that_clash_refuse_the_whole_and_are_told(salon: Salon) -> None:
    service, _, days = weeks(salon, 3)
    ana, ion = salon.make_customer(), salon.make_customer()
    salon.book(ion, service, days[1], "09:00")
    answered = ana.api.post("/series", weekly(service, days[0], 3))
    assert is_problem(answered, 409, "dates_clash")
    assert [fault["pointer"] for fault in answered.json()["errors"]] == ["/dates/1"]
    assert days[1] in answered.json()["errors"][0]["detail"]
    assert count_of(ana) == 0


def test_with_skip_clashes_the_others_are_booked(salon: Salon) -> None:
    service, _, days = weeks(salon, 3)
    ana, ion = salon.make_customer(), salon.make_customer()
    salon.book(ion, service, days[1], "09:00")
    answered = ana.api.post("/series", weekly(service, days[0], 3, skip_clashes=True))
    assert answered.status_code == 201
    assert [row["ok"] for row in answered.json()["dates"]] == [True, False, True]
    assert [row["date"] for row in ana.api.get("/appointments/me").json()] == [days[0], days[2]]
    again = ana.api.post("/series", weekly(service, days[0], 3, skip_clashes=True))
    assert is_problem(again, 409, "dates_clash")


def test_cancelling_a_series_cancels_what_is_to_come_and_obeys_the_window(salon: Salon) -> None:
    service, _, days = weeks(salon, 3)
    ana, ion = salon.make_customer(), salon.make_customer()
    ahead = (date.fromisoformat(days[1]) - date.today()).days * 1440  # noqa: DTZ011 - a day more or less is far away
    salon.admin.api.put(f"/services/{service}", {"cancellation_window": ahead})
    series = made(ana.api.post("/series", weekly(service, days[0], 3)))
    assert is_problem(ion.api.delete(f"/series/{series}"), 404, "not_found")
    answered = ana.api.delete(f"/series/{series}").json()
    rows = ana.api.get("/appointments/me").json()
    assert answered["kept"] == [row["id"] for row in rows]
    assert len(answered["cancelled"]) + len(rows) == 3
    assert rows[0]["date"] == days[0]
    assert is_problem(ana.api.delete(f"/series/{series}"), 422, "too_late_to_cancel")
    assert salon.admin.api.delete(f"/series/{series}").status_code == 200
    assert is_problem(ana.api.delete(f"/series/{series}"), 404, "not_found")
    assert {row["status"] for row in ana.api.get(f"/series/{series}").json()["appointments"]} == {"cancelled"}


def test_staff_book_a_series_for_one_new_customer(salon: Salon) -> None:
    service, _, days = weeks(salon, 2)
    customer = {"name": "Walk-in", "phone": "+40 721 000 000"}
    series = made(salon.make_staff().api.post("/series", weekly(service, days[0], 2, customer=customer)))
    rows = [
        row for day in days for row in salon.admin.api.get(f"/appointments/date/{day}").json()
        if row["series_id"] == series
    ]  # fmt: skip
    assert len(rows) == 2
    assert len({row["user_id"] for row in rows}) == 1
    ana = salon.make_customer()
    assert is_problem(ana.api.get(f"/series/{series}"), 404, "not_found")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"rule": "FREQ=WEEKLY"}, "bad_rule"),
        ({"rule": "FREQ=HOURLY;COUNT=2"}, "bad_rule"),
        ({"rule": "FREQ=WEEKLY;COUNT=300"}, "bad_rule"),
        ({"rule": "x"}, "invalid"),
        ({"rule": 7}, "invalid"),
        ({"service_id": 2**62}, "unknown_reference"),
        ({"addons": [2**62]}, "unknown_reference"),
        ({"location_id": 2**62}, "unknown_reference"),
        ({"more": 1}, "invalid"),
        ({"time": "25:00"}, "invalid"),
        ({"date": "2999-12-30"}, "dates_clash"),
    ],
)
def test_a_series_of_nothing_sensible_is_refused_by_the_rule(salon: Salon, change: dict[str, Any], code: str) -> None:
    service, _, days = weeks(salon, 1)
    status = 409 if code == "dates_clash" else 422
    body = weekly(service, days[0], 1) | change
    assert is_problem(salon.make_customer().api.post("/series", body), status, code)


def test_two_series_for_the_same_dates_have_one_winner(salon: Salon) -> None:
    service, _, days = weeks(salon, 5)
    people = salon.make_customers(6)
    shots = [Shot(person.api, "POST", "/series", weekly(service, days[0], 5)) for person in people]
    assert sorted(answer.status for answer in volley(shots)) == [201] + [409] * 5
    assert sorted(count_of(person) for person in people) == [0] * 5 + [5]


def test_a_year_of_days_is_booked_in_one_go(salon: Salon) -> None:
    service = salon.make_service(booking_horizon=366 * 1440)
    every_day = [{"weekday": day, "start_time": "09:00", "end_time": "10:00"} for day in range(1, 8)]
    salon.make_provider(services=[service], hours=every_day)
    ana, day = salon.make_customer(), salon.fresh_day()
    answered = ana.api.post("/series", order(service, day, rule="FREQ=DAILY;COUNT=360", dry_run=True))
    assert answered.status_code == 200, answered.text
    rows = answered.json()["dates"]
    assert len(rows) == 360
    series = made(ana.api.post("/series", order(service, day, rule="FREQ=DAILY;COUNT=360", skip_clashes=True)))
    within = (datetime.now(UTC).date() + timedelta(days=365) - date.fromisoformat(day)).days
    assert count_of(ana) == sum(row["ok"] for row in rows) >= min(360, within)
    assert ana.api.delete(f"/series/{series}").status_code == 200  # others count what is on these days
    assert count_of(ana) == 0
