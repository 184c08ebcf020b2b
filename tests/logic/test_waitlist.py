"""The waitlist through real HTTP, with the outbox at work: one offer at a time, in the order of the line."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from tests.support.api import Shot, volley
from tests.support.databases import engine
from tests.support.holds import let_pass
from tests.support.processes import Site
from tests.support.salon import Person, Salon, is_problem, made, unique
from tests.support.waiting import until

from bookmeup.db import engine as pools
from bookmeup.db.lanes import Lane
from bookmeup.db.outbox import Outbox
from bookmeup.db.queries.outbox import MOST_TRIES

LONG = 20.0


class Full:
    """A day with one slot, which somebody has; and how others wait for it."""

    def __init__(self, salon: Salon) -> None:
        self.salon = salon
        self.service = salon.make_service(duration=60)
        self.provider = salon.make_provider(services=[self.service])
        self.day = salon.open_day("09:00", "10:00", provider=self.provider)
        self.holder = salon.make_customer()
        self.booked = salon.book(self.holder, self.service, self.day, "09:00")

    def wish(self, **more: Any) -> dict[str, Any]:
        return {"service_id": self.service, "first_date": self.day, "last_date": self.day, **more}

    def waiting(self, number: int) -> list[Person]:
        """Return so many people who wait, in line."""
        people = self.salon.make_customers(number)
        for person in people:
            made(person.api.post("/waitlist", self.wish()))
        return people

    def free(self) -> None:
        assert self.holder.api.delete(f"/appointments/me/{self.booked}").status_code == 200


@pytest.fixture
def full(salon: Salon) -> Full:
    return Full(salon)


def offers(who: Person) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = who.api.get("/offers").json()
    return found


def offered(who: Person) -> Mapping[str, Any]:
    """Wait for an offer and return it."""
    until(lambda: bool(offers(who)), LONG)
    (found,) = offers(who)
    return found


def settled(site: Site) -> None:
    """Wait until the outbox has nothing to do, holds that are over included."""
    query = text("""
        SELECT (SELECT count(*) FROM outbox WHERE done_at IS NULL AND attempts = 0)
             + (SELECT count(*) FROM appointments WHERE status = 'hold' AND hold_until <= now())""")

    def idle() -> bool:
        with engine(site.database).connect() as connection:
            return bool(connection.scalar(query) == 0)

    until(idle, LONG)


@pytest.mark.parametrize("wish", ["provider_id", "location_id"])
def test_who_waits_for_somebody_or_somewhere_else_is_passed_over(full: Full, roles: Site, wish: str) -> None:
    elsewhere = full.salon.admin.api.post("/locations", {"name": "Branch"}).json()
    other = full.salon.make_provider(services=[full.service])
    picky, easy = full.salon.make_customers(2)
    made(picky.api.post("/waitlist", full.wish(**{wish: other if wish == "provider_id" else elsewhere["object_id"]})))
    made(easy.api.post("/waitlist", full.wish(**({wish: full.provider} if wish == "provider_id" else {}))))
    full.free()
    assert offered(easy)["provider"]["id"] == full.provider
    settled(roles)
    assert offers(picky) == []


def test_one_offer_at_a_time_in_line_and_it_rolls_on(full: Full, roles: Site) -> None:
    """Three wait, one slot is freed: the first declines, the second lets it pass, the third accepts."""
    first, second, third = full.waiting(3)
    full.free()
    offer = offered(first)
    assert (offer["date"], offer["time"], offer["service"]["id"]) == (full.day, "09:00", full.service)
    settled(roles)
    assert offers(second) == offers(third) == []
    assert full.salon.slots(full.service, full.day) == []
    assert first.api.post(f"/offers/{offer['id']}/decline").status_code == 200
    passed = offered(second)
    settled(roles)
    assert offers(first) == offers(third) == []
    let_pass(roles.database, passed["appointment_id"])
    assert is_problem(second.api.post(f"/offers/{passed['id']}/accept"), 422, "offer_over")
    last = offered(third)
    settled(roles)
    assert offers(first) == offers(second) == []
    booked = third.api.post(f"/offers/{last['id']}/accept").json()["object_id"]
    assert [(row["id"], row["status"]) for row in third.api.get("/appointments/me").json()] == [(booked, "confirmed")]
    assert third.api.get("/waitlist").json() == []
    assert [row["status"] for row in first.api.get("/waitlist").json()] == ["waiting"]
    assert full.salon.slots(full.service, full.day) == []


def test_when_all_have_declined_the_time_is_everybody_s(full: Full, roles: Site) -> None:
    for person in full.waiting(2):
        if full.booked:
            full.free()
            full.booked = 0
        assert person.api.post(f"/offers/{offered(person)['id']}/decline").status_code == 200
    settled(roles)
    until(lambda: full.salon.slots(full.service, full.day) == ["09:00"], LONG)


def test_accepting_at_once_many_times_makes_one_appointment(full: Full) -> None:
    (first,) = full.waiting(1)
    full.free()
    offer = offered(first)
    answers = volley([Shot(first.api, "POST", f"/offers/{offer['id']}/accept") for _ in range(6)])
    assert sorted(answer.status for answer in answers) == [200] + [422] * 5
    assert len(first.api.get("/appointments/me").json()) == 1


def test_an_offer_is_its_customer_s_alone(full: Full) -> None:
    first, second = full.waiting(2)
    full.free()
    offer = offered(first)
    for answer in ("accept", "decline"):
        assert is_problem(second.api.post(f"/offers/{offer['id']}/{answer}"), 404, "not_found")
        assert is_problem(full.salon.admin.api.post(f"/offers/{offer['id']}/{answer}"), 404, "not_found")


def test_a_withdrawn_wish_gets_nothing_and_gives_its_offer_to_the_next(full: Full, roles: Site) -> None:
    gone, first, second = full.waiting(3)
    (wish,) = gone.api.get("/waitlist").json()
    assert is_problem(first.api.delete(f"/waitlist/{wish['id']}"), 404, "not_found")
    assert gone.api.delete(f"/waitlist/{wish['id']}").status_code == 200
    assert is_problem(gone.api.delete(f"/waitlist/{wish['id']}"), 404, "not_found")
    full.free()
    offer = offered(first)
    assert first.api.delete(f"/waitlist/{offer['waitlist_id']}").status_code == 200
    assert is_problem(first.api.post(f"/offers/{offer['id']}/accept"), 422, "offer_over")
    assert offered(second)["time"] == "09:00"
    settled(roles)
    assert offers(gone) == offers(first) == []


def test_an_offered_hold_does_not_count_and_may_be_taken_as_any_hold(full: Full) -> None:
    (first,) = full.waiting(1)
    full.free()
    offer = offered(first)
    free_day, service = full.salon.open_day(), full.salon.make_service()
    for time in ("09:00", "10:00", "11:00"):
        made(first.api.post("/holds", {"service_id": service, "date": free_day, "time": time}))
    body = {"service_id": full.service, "date": full.day, "time": "09:00", "hold_id": offer["appointment_id"]}
    assert made(first.api.post("/appointments", body)) == offer["appointment_id"]
    assert first.api.get("/waitlist").json() == []
    assert is_problem(first.api.post(f"/offers/{offer['id']}/accept"), 422, "offer_over")


def test_time_that_is_moved_away_from_is_offered(full: Full) -> None:
    (first,) = full.waiting(1)
    other = full.salon.open_day(provider=full.provider)
    change = {"date": other, "time": "09:00"}
    assert full.holder.api.put(f"/appointments/me/{full.booked}", change).status_code == 200
    assert offered(first)["date"] == full.day


def test_hours_that_are_opened_are_offered(full: Full) -> None:
    (first,) = full.waiting(1)
    full.salon.open_day("14:00", "15:00", provider=full.provider, day=full.day)
    assert offered(first)["time"] == "14:00"


def test_who_wishes_other_hours_is_passed_over(full: Full, roles: Site) -> None:
    early, first = full.salon.make_customers(2)
    made(early.api.post("/waitlist", full.wish(end_time="09:30")))
    made(first.api.post("/waitlist", full.wish(start_time="09:00", end_time="10:00")))
    full.free()
    offered(first)
    settled(roles)
    assert offers(early) == []


def test_workers_at_once_make_one_offer(full: Full, roles: Site) -> None:
    people = full.waiting(3)
    database = pools.connect(roles.database)
    workers = [Outbox(pools.connect(roles.database), Lane("test", 1)) for _ in range(4)]
    full.free()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda worker: worker.round(), workers * 3))
    offered(people[0])
    settled(roles)
    assert [len(offers(person)) for person in people] == [1, 0, 0]
    database.drop_idle()


def test_staff_put_others_in_line_and_see_all_of_it(full: Full) -> None:
    staff, ana = full.salon.make_staff(), full.salon.make_customer()
    mine = made(staff.api.post("/waitlist", full.wish(user_id=ana.id)))
    guest = made(staff.api.post("/waitlist", full.wish(customer={"name": "Walk-in", "phone": "+40 721 000 000"})))
    assert [row["id"] for row in ana.api.get("/waitlist").json()] == [mine]
    answered = staff.api.get("/waitlist", {"limit": 1})
    seen = [row["id"] for row in answered.json()]
    while "link" in answered.headers:
        answered = staff.api.get(answered.headers["link"].split(">")[0][1:])
        seen += [row["id"] for row in answered.json()]
    assert {mine, guest} <= set(seen)
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"service_id": 2**62}, "unknown_reference"),
        ({"provider_id": 2**62}, "unknown_reference"),
        ({"location_id": 2**62}, "unknown_reference"),
        ({"first_date": "2020-01-01", "last_date": "2020-01-02"}, "in_the_past"),
        ({"first_date": "2999-01-01"}, "invalid"),
        ({"last_date": "2999-01-01"}, "invalid"),
        ({"weekdays": []}, "invalid"),
        ({"weekdays": [8]}, "invalid"),
        ({"start_time": "10:00", "end_time": "10:00"}, "invalid"),
    ],
)
def test_a_wish_for_nothing_sensible_is_refused_by_the_rule(full: Full, change: dict[str, Any], code: str) -> None:
    assert is_problem(full.holder.api.post("/waitlist", full.wish() | change), 422, code)


def test_nobody_waits_for_more_than_twenty_things(full: Full) -> None:
    for _ in range(20):
        made(full.holder.api.post("/waitlist", full.wish()))
    assert is_problem(full.holder.api.post("/waitlist", full.wish()), 422, "too_many_wishes")


def test_a_row_that_fails_stops_no_other_and_ends_as_a_dead_letter(full: Full, roles: Site) -> None:
    """A payload that no handler understands: tried later and later, then shown to staff, who may replay it."""
    (first,) = full.waiting(1)
    aggregate = f"test:{unique()}"
    with engine(roles.database).begin() as connection:
        bad = connection.scalar(
            text("""INSERT INTO outbox (kind, payload, aggregate, attempts)
                    VALUES ('appointment.moved', '{}', :aggregate, :attempts) RETURNING id"""),
            {"aggregate": aggregate, "attempts": MOST_TRIES - 1},
        )
    full.free()
    offered(first)
    staff = full.salon.admin.api

    def letters() -> list[int]:
        return [row["id"] for row in staff.get("/dead-letters").json()]

    until(lambda: bad in letters(), LONG)
    assert is_problem(first.api.get("/dead-letters"), 403, "role_not_allowed")
    assert is_problem(first.api.post(f"/dead-letters/{bad}/replay"), 403, "role_not_allowed")
    assert staff.post(f"/dead-letters/{bad}/replay").status_code == 200
    assert is_problem(staff.post(f"/dead-letters/{bad}/replay"), 404, "not_found")
    assert bad not in letters()
    with engine(roles.database).begin() as connection:  # what is left undone would hold up other tests
        connection.execute(text("UPDATE outbox SET done_at = now() WHERE id = :id"), {"id": bad})
