"""Visits through real HTTP: several services in one go, all or none."""

import itertools
import json
import time
from typing import Any

import pytest
from sqlalchemy import text
from tests.support.api import Shot, volley
from tests.support.databases import engine
from tests.support.processes import Site
from tests.support.salon import Salon, is_problem, made


def opened(
    salon: Salon, providers: int, day: str | None = None, end: str = "12:00", **given: Any
) -> tuple[str, list[int]]:
    """Return a day, and providers of everything given who are open on it."""
    day, found = day or salon.fresh_day(), []
    for _ in range(providers):
        provider = salon.make_provider(**given)
        salon.open_day("09:00", end, provider=provider, day=day)
        found.append(provider)
    return day, found


def visit(day: str, *services: int, time: str = "09:00", **more: Any) -> dict[str, Any]:
    return {"date": day, "time": time, "services": [{"service_id": service} for service in services], **more}


def slots(salon: Salon, day: str, services: list[int], **more: Any) -> list[dict[str, Any]]:
    asked = {"date": day, "services": ",".join(map(str, services)), **more}
    answered = salon.anyone.get("/visit-slots", asked)
    assert answered.status_code == 200, answered.text
    found: list[dict[str, Any]] = answered.json()["available_slots"]
    return found


def test_the_parts_follow_each_other_and_are_ordinary_appointments(salon: Salon) -> None:
    colour, cut = salon.make_service(duration=60), salon.make_service(duration=30)
    day, (mia,) = opened(salon, 1, services=[colour, cut])
    ana = salon.make_customer()
    answered = ana.api.post("/visits", visit(day, colour, cut))
    made_visit = made(answered)
    rows = ana.api.get("/appointments/me").json()
    assert [(row["time"], row["service"]["id"], row["visit_id"], row["provider"]["id"]) for row in rows] == [
        ("09:00", colour, made_visit, mia),
        ("10:00", cut, made_visit, mia),
    ]
    assert [part["appointment_id"] for part in answered.json()["parts"]] == [row["id"] for row in rows]
    assert [row["id"] for row in ana.api.get(f"/visits/{made_visit}").json()["appointments"]] == [r["id"] for r in rows]


def test_processing_time_is_nobody_s_second_treatment(salon: Salon) -> None:
    colour = salon.make_service(duration=60, segments=[20, 20, 20])
    cut = salon.make_service(duration=20)
    day, _ = opened(salon, 2, services=[colour, cut])
    ana = salon.make_customer()
    parts = ana.api.post("/visits", visit(day, colour, cut)).json()["parts"]
    assert [(part["time"], part["end_time"]) for part in parts] == [("09:00", "10:00"), ("10:00", "10:20")]


def test_what_is_offered_says_who_does_what_and_can_be_booked(salon: Salon) -> None:
    colour, cut = salon.make_service(duration=60), salon.make_service(duration=30, buffer_before=10)
    day, (mia,) = opened(salon, 1, services=[colour])
    _, (leo,) = opened(salon, 1, day, services=[cut])
    found = slots(salon, day, [colour, cut])
    assert [slot["time"] for slot in found][:2] == ["09:00", "09:10"]
    assert found[-1]["time"] == "10:30"
    plan = [(part["service_id"], part["provider_id"], part["time"]) for part in found[0]["parts"]]
    assert plan == [(colour, mia, "09:00"), (cut, leo, "10:00")]
    for slot in found[:: len(found) - 1]:
        made(salon.make_customer().api.post("/visits", visit(day, colour, cut, time=slot["time"])))
    assert slots(salon, day, [colour, cut], providers=f",{mia}") == []


def test_buffers_lie_between_two_parts_with_one_provider(salon: Salon) -> None:
    wash = salon.make_service(duration=20, buffer_after=10)
    day, _ = opened(salon, 1, services=[wash])
    parts = salon.make_customer().api.post("/visits", visit(day, wash, wash)).json()["parts"]
    assert [part["time"] for part in parts] == ["09:00", "09:30"]


def test_where_a_part_cannot_be_had_nothing_is_booked(salon: Salon) -> None:
    colour, cut = salon.make_service(duration=60), salon.make_service(duration=30)
    day, _ = opened(salon, 1, services=[colour, cut])
    ana, ion = salon.make_customer(), salon.make_customer()
    salon.book(ion, cut, day, "10:10")
    assert is_problem(ana.api.post("/visits", visit(day, colour, cut)), 409, "slot_taken")
    assert is_problem(ana.api.post("/visits", visit(day, colour, cut, time="11:00")), 422, "closed")
    assert ana.api.get("/appointments/me").json() == []


def test_cancelling_a_visit_cancels_all_of_it_or_nothing(salon: Salon) -> None:
    free, strict = salon.make_service(), salon.make_service(cancellation_window=366 * 1440)
    day, _ = opened(salon, 1, services=[free, strict])
    ana, ion = salon.make_customer(), salon.make_customer()
    first = made(ana.api.post("/visits", visit(day, free, free)))
    second = made(ana.api.post("/visits", visit(day, free, strict, time="10:00")))
    assert is_problem(ion.api.delete(f"/visits/{first}"), 404, "not_found")
    assert is_problem(ion.api.get(f"/visits/{first}"), 404, "not_found")
    assert is_problem(ana.api.delete(f"/visits/{second}"), 422, "too_late_to_cancel")
    assert len(ana.api.get("/appointments/me").json()) == 4
    assert len(ana.api.delete(f"/visits/{first}").json()["cancelled"]) == 2
    assert is_problem(ana.api.delete(f"/visits/{first}"), 404, "not_found")
    assert len(ana.api.get("/appointments/me").json()) == 2


def test_staff_book_a_visit_for_others(salon: Salon) -> None:
    service, ana = salon.make_service(), salon.make_customer()
    day, _ = opened(salon, 1, services=[service])
    made(salon.make_staff().api.post("/visits", visit(day, service, service, user_id=ana.id)))
    assert len(ana.api.get("/appointments/me").json()) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"services": []}, "invalid"),
        ({"services": [{"service_id": 1}] * 9}, "invalid"),
        ({"services": [{"service_id": 2**62}]}, "unknown_reference"),
        ({"services": [{}]}, "invalid"),
        ({"location_id": 2**62}, "unknown_reference"),
        ({"time": "9"}, "invalid"),
    ],
)
def test_a_visit_of_nothing_sensible_is_refused_by_the_rule(salon: Salon, change: dict[str, Any], code: str) -> None:
    body = visit(salon.fresh_day(), salon.make_service()) | change
    assert is_problem(salon.make_customer().api.post("/visits", body), 422, code)


@pytest.mark.parametrize(
    "query",
    ["services=", "services=x", "services=1,,2", "services=0", "services=1&providers=1,2", "services=1,2&addons=3",
     "services=" + "9" * 19, "services=1,2,3,4,5,6,7,8,9"],
)  # fmt: skip
def test_free_times_of_a_visit_of_nothing_sensible(salon: Salon, query: str) -> None:
    assert is_problem(salon.anyone.get(f"/visit-slots?date=2027-03-01&{query}"), 422, "invalid")


def deadlocks(site: Site) -> int:
    """Return how many PostgreSQL has had to end in this database; its statistics are up to a second old."""
    time.sleep(1.5)
    with engine(site.database).connect() as connection:
        return int(
            connection.scalar(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")) or 0
        )


def test_visits_in_every_order_race_without_a_deadlock_and_nothing_is_sold_twice(
    spread_salon: Salon, roles: Site
) -> None:
    """Three providers, services in opposite orders, single bookings among them: losers get 409, nobody a 5xx."""
    salon = spread_salon
    services = [salon.make_service(duration=30) for _ in range(3)]
    day, providers = salon.fresh_day(), []
    for service in services:
        _, (provider,) = opened(salon, 1, day, services=[service])
        providers.append(provider)
    people, orders = salon.make_customers(6), [(0, 1, 2), (2, 1, 0), (1, 2, 0)]
    shots = [
        Shot(people[turn % 6].api, "POST", "/visits", visit(day, *(services[n] for n in orders[turn % 3]), time=at))
        for turn in range(24)
        for at in [["09:00", "09:10", "10:00", "10:30"][turn % 4]]
    ]
    single = [
        Shot(people[n % 6].api, "POST", "/appointments", {"service_id": services[n % 3], "date": day, "time": "10:10"})
        for n in range(6)
    ]
    before = deadlocks(roles)
    answers = volley([*shots, *single])
    told = {(a.status, json.loads(a.body).get("code")) for a in answers}
    assert {status for status, _ in told} == {201, 409}, told
    assert deadlocks(roles) == before
    rows = salon.admin.api.get(f"/appointments/date/{day}").json()
    for provider in providers:
        spans = sorted((row["starts_at"], row["ends_at"]) for row in rows if row["provider"]["id"] == provider)
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))
    assert all(len([r for r in rows if r["visit_id"] == v]) == 3 for v in {r["visit_id"] for r in rows} - {None})
