"""Booking through real HTTP: what is offered is sold once, and each rule refuses by its own code."""

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.support.salon import Salon, is_problem, order, unique


def test_what_is_booked_is_no_longer_offered_and_sold_once(salon: Salon) -> None:
    service, day, ana, ion = salon.make_service(), salon.open_day(), salon.make_customer(), salon.make_customer()
    assert salon.slots(service, day)[:4] == ["09:00", "09:10", "09:20", "09:30"]
    answered = ana.api.post("/appointments", order(service, day, "09:30"))
    assert set(answered.json()) == {"message", "object_id"}
    assert answered.headers["location"] == f"/appointments/{answered.json()['object_id']}"
    assert salon.slots(service, day)[:3] == ["09:00", "10:00", "10:10"]
    assert is_problem(ion.api.post("/appointments", order(service, day, "09:30")), 409, "slot_taken")


def test_touching_appointments_do_not_clash_and_overlapping_ones_do(salon: Salon) -> None:
    service, day, ana = salon.make_service(duration=30), salon.open_day(), salon.make_customer()
    salon.book(ana, service, day, "10:00")
    for time in ("09:31", "09:59", "10:01", "10:29"):
        assert is_problem(ana.api.post("/appointments", order(service, day, time)), 409, "slot_taken")
    salon.book(ana, service, day, "09:30")
    salon.book(ana, service, day, "10:30")


def test_another_service_with_the_same_provider_clashes_by_its_own_length(salon: Salon) -> None:
    short, long, day = salon.make_service(duration=10), salon.make_service(duration=120), salon.open_day()
    ana = salon.make_customer()
    salon.book(ana, long, day, "10:00")
    assert is_problem(ana.api.post("/appointments", order(short, day, "11:50")), 409, "slot_taken")
    salon.book(ana, short, day, "12:00")
    assert is_problem(ana.api.post("/appointments", order(long, day, "12:00")), 409, "slot_taken")


def test_buffers_count_in_full_and_may_stick_out_of_the_opening_hours(salon: Salon) -> None:
    service = salon.make_service(duration=30, buffer_before=15, buffer_after=15)
    day, ana = salon.open_day("09:00", "11:00"), salon.make_customer()
    salon.book(ana, service, day, "09:00")
    assert salon.slots(service, day) == ["10:00", "10:10", "10:20", "10:30"]
    assert is_problem(ana.api.post("/appointments", order(service, day, "09:59")), 409, "slot_taken")
    salon.book(ana, service, day, "10:00")


def test_midnight_is_an_end_and_an_appointment_may_run_over_it(salon: Salon) -> None:
    service, ana = salon.make_service(duration=60), salon.make_customer()
    first, second = salon.fresh_day(), salon.fresh_day()
    assert date.fromisoformat(second) - date.fromisoformat(first) == timedelta(days=1)
    spans = [(first, "22:00", "24:00"), (second, "00:00", "01:00")]
    for day, start, end in spans:
        salon.open_day(start, end, day=day)
    assert salon.slots(service, first)[-1] == "23:50"
    salon.book(ana, service, first, "23:30")
    assert salon.slots(service, second) == []
    mine = ana.api.get("/appointments/me").json()
    assert [(row["date"], row["time"]) for row in mine] == [(first, "23:30")]


@pytest.mark.parametrize(
    ("time", "terms", "code"),
    [
        ("08:50", {}, "closed"),
        ("16:40", {}, "closed"),
        ("09:00", {"minimum_notice": 500 * 1000}, "too_soon"),
        ("09:00", {"booking_horizon": 60}, "too_far_ahead"),
    ],
)
def test_each_rule_of_the_business_refuses_by_its_code(
    salon: Salon, time: str, terms: dict[str, object], code: str
) -> None:
    service, day, ana = salon.make_service(**terms), salon.open_day(), salon.make_customer()
    assert is_problem(ana.api.post("/appointments", order(service, day, time)), 422, code)
    assert time not in salon.slots(service, day)


def test_the_past_and_what_lies_over_a_year_ahead_are_refused(salon: Salon) -> None:
    service, ana = salon.make_service(), salon.make_customer()
    for days, code in ((-1, "in_the_past"), (367, "too_far_ahead")):
        day = (datetime.now(UTC).date() + timedelta(days=days)).isoformat()
        assert is_problem(ana.api.post("/appointments", order(service, day)), 422, code)
        assert salon.slots(service, day) == []


def test_what_does_not_exist_is_refused(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    asked = ana.api.post
    assert is_problem(asked("/appointments", order(2**62, day)), 422, "unknown_reference")
    assert is_problem(asked("/appointments", order(service, day, provider_id=2**62)), 422, "provider_does_not")
    as_staff = salon.admin.api.post
    assert is_problem(as_staff("/appointments", order(service, day, user_id=2**62)), 422, "unknown_reference")
    assert is_problem(salon.anyone.get("/available-timeslots", {"date": day, "service_id": 2**62}), 404, "not_found")


def test_all_faults_of_an_order_are_told_at_once(salon: Salon) -> None:
    ana = salon.make_customer()
    answered = ana.api.post("/appointments", {"service_id": "1", "date": "2027-02-30", "time": "24:00"})
    assert is_problem(answered, 422, "invalid")
    assert {fault["pointer"] for fault in answered.json()["errors"]} == {"/service_id", "/date", "/time"}
    answered = ana.api.post("/appointments", {})
    assert {fault["pointer"] for fault in answered.json()["errors"]} == {"/service_id", "/date", "/time"}


@pytest.mark.parametrize("query", ["", "?date=2027-03-01", "?service_id=1", "?date=x&service_id=y",
                                   "?date=2027-03-01&service_id=1&service_id=2", "?date=0001-01-01&service_id=1",
                                   "?date=9999-12-31&service_id=1", "?date=2027-03-01&service_id=0"])  # fmt: skip
def test_free_times_of_nothing_sensible_are_a_fault_of_the_request(salon: Salon, query: str) -> None:
    assert is_problem(salon.anyone.get(f"/available-timeslots{query}"), 422, "invalid")


def test_free_times_are_never_cached(salon: Salon) -> None:
    service, day = salon.make_service(), salon.open_day()
    answered = salon.anyone.get("/available-timeslots", {"date": day, "service_id": service})
    assert answered.headers["cache-control"] == "no-store"
    assert list(answered.json()) == ["available_slots"]


def test_booking_takes_a_token(salon: Salon) -> None:
    assert is_problem(salon.anyone.post("/appointments", order(1, "2027-03-01")), 401, "unauthenticated")


def test_a_customer_who_names_another_books_for_himself(salon: Salon) -> None:
    service, day = salon.make_service(), salon.open_day()
    ana, ion = salon.make_customer(), salon.make_customer()
    salon.book(ana, service, day, user_id=ion.id)
    assert len(ana.api.get("/appointments/me").json()) == 1
    assert ion.api.get("/appointments/me").json() == []


def test_staff_book_for_a_user(salon: Salon) -> None:
    service, day, staff, ana = salon.make_service(), salon.open_day(), salon.make_staff(), salon.make_customer()
    booked = salon.book(staff, service, day, user_id=ana.id)
    assert [row["id"] for row in ana.api.get("/appointments/me").json()] == [booked]
    row = next(row for row in staff.api.get(f"/appointments/date/{day}").json())
    assert row["user_id"] == ana.id


def test_staff_book_for_one_person_not_for_two(salon: Salon) -> None:
    service, day, staff, ana = salon.make_service(), salon.open_day(), salon.make_staff(), salon.make_customer()
    both = order(service, day, user_id=ana.id, customer={"name": "Walk-in", "phone": "+40 721 000 000"})
    assert is_problem(staff.api.post("/appointments", both), 422, "invalid")
    assert staff.api.get(f"/appointments/date/{day}").json() == []


def test_staff_book_for_somebody_without_an_account_who_cannot_sign_in(salon: Salon) -> None:
    service, day, staff, email = salon.make_service(), salon.open_day(), salon.make_staff(), f"{unique()}@x.example"
    customer = {"name": "Walk-in", "phone": "+40 721 000 000", "email": email}
    booked = salon.book(staff, service, day, customer=customer)
    row = next(row for row in staff.api.get(f"/appointments/date/{day}").json() if row["id"] == booked)
    assert row["customer"].items() >= {"name": "Walk-in", "phone": "+40 721 000 000", "email": email}.items()
    assert row["user_id"] == row["customer"]["id"]
    for password in ("", "x", "None"):
        assert salon.anyone.post("/auth/login", {"email": email, "password": password}).status_code in {401, 422}
    taken = {"name": "Ana", "email": email, "password": "her own password"}
    assert salon.anyone.post("/auth/register", taken).status_code == 201


def test_somebody_without_an_account_needs_a_phone_or_an_address(salon: Salon) -> None:
    service, day, staff = salon.make_service(), salon.open_day(), salon.make_staff()
    answered = staff.api.post("/appointments", order(service, day, customer={"name": "Walk-in"}))
    assert is_problem(answered, 422, "invalid")


def test_a_refused_booking_leaves_no_customer_behind(salon: Salon) -> None:
    service, day, name = salon.make_service(), salon.open_day(), f"Walk-in {unique()}"
    answered = salon.admin.api.post(
        "/appointments", order(service, day, "03:00", customer={"name": name, "phone": "0721 000 000"})
    )
    assert is_problem(answered, 422, "closed")
    assert name not in [user["name"] for user in salon.admin.api.get("/auth/users").json()]


def test_any_provider_is_the_one_with_the_least_booked_that_day(salon: Salon) -> None:
    service, ana, day = salon.make_service(), salon.make_customer(), salon.fresh_day()
    mia, leo = (salon.make_provider(services=[service]) for _ in range(2))
    for provider in (mia, leo):
        salon.open_day("09:00", "12:00", provider=provider, day=day)
    salon.book(ana, service, day, "09:00", provider_id=mia)
    for time in ("09:00", "10:00", "11:00"):
        salon.book(ana, service, day, time)
    found = [row["provider"]["id"] for row in ana.api.get("/appointments/me").json()]
    assert sorted(found) == sorted([mia, leo, mia, leo])
    assert is_problem(ana.api.post("/appointments", order(service, day, "09:00")), 409, "slot_taken")


def test_who_does_not_perform_a_service_is_not_booked_for_it(salon: Salon) -> None:
    one, other = salon.make_service(), salon.make_service()
    mia = salon.make_provider(services=[one])
    day, ana = salon.open_day(provider=mia), salon.make_customer()
    assert salon.slots(other, day, provider=mia) == []
    assert is_problem(ana.api.post("/appointments", order(other, day, provider_id=mia)), 422, "provider_does_not")


def test_the_price_is_frozen_when_the_service_changes_and_so_is_the_length(salon: Salon) -> None:
    service = salon.make_service(price="80 RON", duration=60, cancellation_window=0)
    day, ana = salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day, "09:00")
    change = {"price": "99 RON", "duration": 10, "buffer_after": 120, "cancellation_window": 366 * 1440}
    assert salon.admin.api.put(f"/services/{service}", change).status_code == 200
    row = ana.api.get(f"/appointments/{booked}").json()
    assert (row["price"], row["duration"]) == ("80 RON", 60)
    assert ana.api.put(f"/appointments/me/{booked}", {"date": day, "time": "12:00"}).status_code == 200
    row = ana.api.get(f"/appointments/{booked}").json()
    length = datetime.fromisoformat(row["ends_at"]) - datetime.fromisoformat(row["starts_at"])
    assert (row["price"], row["duration"], length) == ("80 RON", 60, timedelta(minutes=60))
    quick = salon.make_service(duration=10)
    assert "12:50" not in salon.slots(quick, day)
    assert "13:00" in salon.slots(quick, day)
    assert ana.api.delete(f"/appointments/me/{booked}").status_code == 200
