"""Holds through real HTTP: a time is kept while a form is filled in, and then it is booked, given up or over."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.api import Shot, volley
from tests.support.holds import let_pass
from tests.support.processes import Site
from tests.support.salon import Person, Salon, ids, is_problem, made, order


def hold(who: Person, service: int, day: str, time: str = "09:00") -> int:
    return made(who.api.post("/holds", order(service, day, time)))


def confirming(who: Person, service: int, day: str, held: int) -> Shot:
    return Shot(who.api, "POST", "/appointments", order(service, day, hold_id=held))


def test_a_hold_keeps_its_time_for_five_minutes_and_is_booked_by_its_id(salon: Salon) -> None:
    service, day, ana, ion = salon.make_service(), salon.open_day(), salon.make_customer(), salon.make_customer()
    answered = ana.api.post("/holds", order(service, day))
    kept = datetime.fromisoformat(answered.json()["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=4) < kept <= timedelta(minutes=5, seconds=5)
    assert "09:00" not in salon.slots(service, day)
    assert is_problem(ion.api.post("/appointments", order(service, day)), 409, "slot_taken")
    confirmed = order(service, day, hold_id=made(answered))
    assert is_problem(ion.api.post("/appointments", confirmed), 422, "unknown_reference")
    booked = made(ana.api.post("/appointments", confirmed))
    assert booked == made(answered)
    assert ana.api.get(f"/appointments/{booked}").json()["status"] == "confirmed"
    actions = [event["action"] for event in ana.api.get(f"/appointments/{booked}/history").json()]
    assert actions == ["held", "booked"]


def test_nobody_holds_more_than_three_times_even_at_once(salon: Salon) -> None:
    """Each hold with another provider, so that no lock of a provider puts them in line."""
    service, day, ana = salon.make_service(), salon.fresh_day(), salon.make_customer()
    providers = [salon.make_provider(services=[service]) for _ in range(6)]
    for provider in providers:
        salon.open_day("09:00", "12:00", provider=provider, day=day)
    shots = [Shot(ana.api, "POST", "/holds", order(service, day, provider_id=provider)) for provider in providers]
    assert sorted(answer.status for answer in volley(shots)) == [201] * 3 + [422] * 3
    assert is_problem(ana.api.post("/holds", order(service, day, "10:00")), 422, "too_many_holds")


def test_a_hold_that_is_over_is_not_booked_and_its_time_is_anybody_s(salon: Salon, roles: Site) -> None:
    service, day, ana, ion = salon.make_service(), salon.open_day(), salon.make_customer(), salon.make_customer()
    held = hold(ana, service, day)
    let_pass(roles.database, held)
    assert is_problem(ana.api.post("/appointments", order(service, day, hold_id=held)), 422, "unknown_reference")
    assert "09:00" in salon.slots(service, day)
    salon.book(ion, service, day)
    assert is_problem(ana.api.delete(f"/holds/{held}"), 404, "not_found")


def test_a_hold_is_booked_or_released_and_never_both(salon: Salon) -> None:
    service, ana = salon.make_service(), salon.make_customer()
    for _ in range(12):
        day = salon.open_day()
        held = hold(ana, service, day)
        booked, gone = volley([confirming(ana, service, day, held), Shot(ana.api, "DELETE", f"/holds/{held}")])
        assert (booked.status, gone.status) in ((201, 404), (422, 200))
        state = ana.api.get(f"/appointments/{held}").json()["status"]
        assert state == ("confirmed" if booked.status == 201 else "cancelled")


def test_what_was_booked_is_not_released_as_a_hold(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    assert is_problem(ana.api.delete(f"/holds/{booked}"), 404, "not_found")
    other = hold(ana, service, day, "10:00")
    assert is_problem(salon.admin.api.delete(f"/holds/{other}"), 404, "not_found")


def test_a_hold_is_released_whatever_the_cancellation_window(salon: Salon) -> None:
    service, day = salon.make_service(cancellation_window=366 * 1440), salon.open_day()
    ana = salon.make_customer()
    held = hold(ana, service, day)
    assert ana.api.delete(f"/holds/{held}").status_code == 200
    assert "09:00" in salon.slots(service, day)
    assert ana.api.get(f"/appointments/{held}").json()["status"] == "cancelled"


def test_a_hold_is_not_moved(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    held = hold(ana, service, day)
    assert is_problem(ana.api.put(f"/appointments/me/{held}", {"date": day, "time": "10:00"}), 422, "wrong_state")


def test_staff_give_a_hold_of_somebody_s_up_and_do_not_confirm_it(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    held = hold(ana, service, day)
    assert is_problem(salon.admin.api.post(f"/appointments/{held}/confirm"), 422, "wrong_state")
    assert salon.admin.api.post(f"/appointments/{held}/decline").status_code == 200
    assert is_problem(ana.api.post("/appointments", order(service, day, hold_id=held)), 422, "unknown_reference")
    assert "09:00" in salon.slots(service, day)


def test_a_hold_of_what_needs_approval_is_requested(salon: Salon) -> None:
    service, day, ana = salon.make_service(needs_approval=True), salon.open_day(), salon.make_customer()
    held = hold(ana, service, day)
    answered = ana.api.post("/appointments", order(service, day, hold_id=held))
    assert answered.json()["message"] == "Appointment requested."
    assert ana.api.get(f"/appointments/{held}").json()["status"] == "pending"


@pytest.mark.parametrize("who", ["user", "guest"])
def test_staff_hold_a_time_and_book_it_for_somebody(salon: Salon, who: str) -> None:
    service, day, staff, ana = salon.make_service(), salon.open_day(), salon.make_staff(), salon.make_customer()
    whose = {"user_id": ana.id} if who == "user" else {"customer": {"name": "Walk-in", "phone": "+40 721 000 000"}}
    held = hold(staff, service, day)
    made(staff.api.post("/appointments", order(service, day, hold_id=held, **whose)))
    (row,) = staff.api.get(f"/appointments/date/{day}").json()
    assert row["customer"]["name"] == (ana.name if who == "user" else "Walk-in")
    assert ids(ana.api.get("/appointments/me").json()) == ([held] if who == "user" else [])
    other = hold(staff, service, day, "10:00")
    nobody = order(service, day, hold_id=other, user_id=2**62)
    assert is_problem(staff.api.post("/appointments", nobody), 422, "unknown_reference")
