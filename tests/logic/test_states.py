"""From request to completed, moved or cancelled: who may bring an appointment where, and what follows."""

import pytest
from sqlalchemy import text
from tests.support.api import Shot, volley
from tests.support.databases import engine
from tests.support.processes import Site
from tests.support.salon import Salon, is_problem, order


def let_begin(site: Site, appointment: int) -> None:
    """Let an appointment have begun."""
    with engine(site.database).begin() as connection:
        moved = "UPDATE appointments SET starts_at = now() - interval '1 minute' WHERE id = :id"
        connection.execute(text(moved), {"id": appointment})


def status(salon: Salon, appointment: int) -> str:
    found: str = salon.admin.api.get(f"/appointments/{appointment}").json()["status"]
    return found


@pytest.mark.parametrize("end", ["complete", "no-show"])
def test_a_confirmed_one_ends_completed_or_as_a_no_show_once_it_has_begun(salon: Salon, roles: Site, end: str) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    assert is_problem(salon.admin.api.post(f"/appointments/{booked}/{end}"), 422, "wrong_state")
    let_begin(roles, booked)
    assert salon.admin.api.post(f"/appointments/{booked}/{end}").status_code == 200
    assert status(salon, booked) == ("completed" if end == "complete" else "no_show")
    for again in ("confirm", "decline", "complete", "no-show"):
        assert is_problem(salon.admin.api.post(f"/appointments/{booked}/{again}"), 422, "wrong_state")
    for change in (salon.admin.api.delete(f"/appointments/{booked}"),
                   salon.admin.api.put(f"/appointments/{booked}", {"date": day, "time": "11:00"})):  # fmt: skip
        assert is_problem(change, 404, "not_found")


def test_only_staff_bring_an_appointment_into_a_state(salon: Salon) -> None:
    service, day, ana = salon.make_service(needs_approval=True), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    for state in ("confirm", "decline", "complete", "no-show"):
        assert is_problem(ana.api.post(f"/appointments/{booked}/{state}"), 403, "role_not_allowed")
        assert is_problem(salon.admin.api.post(f"/appointments/{2**62}/{state}"), 404, "not_found")
    assert status(salon, booked) == "pending"


def test_a_pending_one_takes_its_time_until_it_is_declined(salon: Salon) -> None:
    service, day = salon.make_service(needs_approval=True), salon.open_day()
    ana, ion = salon.make_customers(2)
    booked = salon.book(ana, service, day)
    assert is_problem(ion.api.post("/appointments", order(service, day)), 409, "slot_taken")
    assert salon.admin.api.post(f"/appointments/{booked}/decline", {"reason": "On holiday"}).status_code == 200
    assert status(salon, booked) == "cancelled"
    salon.book(ion, service, day)


def test_fifty_confirmations_at_once_are_one_change_with_one_row_of_trail_and_work(salon: Salon, roles: Site) -> None:
    service, day, ana = salon.make_service(needs_approval=True), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    answers = volley([Shot(salon.admin.api, "POST", f"/appointments/{booked}/confirm") for _ in range(50)])
    assert sorted(answer.status for answer in answers if answer.status != 503)[:2] == [200, 422]
    assert sum(answer.status == 200 for answer in answers) == 1
    with engine(roles.database).connect() as connection:
        for rows in ("audit_log WHERE subject = 'appointment' AND subject_id = :id AND action = 'confirmed'",
                     "outbox WHERE aggregate = 'appointment:' || :id AND kind = 'appointment.confirmed'"):  # fmt: skip
            assert connection.scalar(text(f"SELECT count(*) FROM {rows}"), {"id": booked}) == 1  # noqa: S608


def test_one_that_has_begun_is_the_staff_s_to_change_alone(salon: Salon, roles: Site) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    let_begin(roles, booked)
    move = {"date": day, "time": "11:00"}
    assert is_problem(ana.api.put(f"/appointments/me/{booked}", move), 422, "too_late_to_cancel")
    assert is_problem(ana.api.delete(f"/appointments/me/{booked}"), 422, "too_late_to_cancel")
    assert salon.admin.api.delete(f"/appointments/{booked}").status_code == 200


def test_staff_override_the_window_of_a_move_with_a_reason(salon: Salon) -> None:
    service, day, ana = salon.make_service(cancellation_window=366 * 1440), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    move = {"date": day, "time": "11:00"}
    assert is_problem(ana.api.put(f"/appointments/me/{booked}", move), 422, "too_late_to_cancel")
    because = move | {"reason": "We were ill"}
    assert is_problem(ana.api.put(f"/appointments/me/{booked}", because), 422, "too_late_to_cancel")
    assert is_problem(salon.admin.api.put(f"/appointments/{booked}", move), 422, "too_late_to_cancel")
    assert salon.admin.api.put(f"/appointments/{booked}", because).status_code == 200
    (_, moved) = ana.api.get(f"/appointments/{booked}/history").json()
    assert moved["details"]["reason"] == "We were ill"


def test_one_that_moves_to_a_provider_elsewhere_is_there(salon: Salon) -> None:
    """Date and time are then by that place's clock."""
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    place = salon.admin.api.post("/locations", {"name": "Tokyo", "timezone": "Asia/Tokyo"}).json()
    salon.open_day("09:00", "12:00", provider=place["provider_id"], day=day)
    booked = salon.book(ana, service, day)
    move = {"date": day, "time": "10:00", "provider_id": place["provider_id"]}
    assert ana.api.put(f"/appointments/me/{booked}", move).status_code == 200
    row = ana.api.get(f"/appointments/{booked}").json()
    assert (row["location_id"], row["date"], row["time"]) == (place["object_id"], day, "10:00")
    assert row["starts_at"].startswith(f"{day}T01:00")


def test_notice_and_horizon_bind_everybody_and_moves_too(salon: Salon) -> None:
    notice, far = salon.make_service(minimum_notice=366 * 1440), salon.make_service(booking_horizon=0)
    soon, day = salon.make_service(), salon.open_day()
    ana, staff = salon.make_customer(), salon.make_staff()
    for who in (ana, staff):
        assert is_problem(who.api.post("/appointments", order(notice, day)), 422, "too_soon")
        assert is_problem(who.api.post("/appointments", order(far, day, "10:00")), 422, "too_far_ahead")
    booked = salon.book(ana, soon, day)
    made_short = salon.admin.api.put(f"/services/{soon}", {"minimum_notice": 366 * 1440})
    assert made_short.status_code == 200
    move = {"date": day, "time": "12:00"}
    assert is_problem(ana.api.put(f"/appointments/me/{booked}", move), 422, "too_soon")
    assert is_problem(staff.api.put(f"/appointments/{booked}", move), 422, "too_soon")


@pytest.mark.parametrize(
    "path", ["/series", "/visits", "/waitlist", "/appointments"]
)  # fmt: skip
def test_staff_who_act_for_nobody_known_are_told_so(salon: Salon, path: str) -> None:
    service, day = salon.make_service(), salon.open_day()
    body: dict[str, object] = {"user_id": 2**62}
    if path == "/waitlist":
        body |= {"service_id": service, "first_date": day, "last_date": day}
    elif path == "/visits":
        body |= {"services": [{"service_id": service}], "date": day, "time": "09:00"}
    else:
        body |= order(service, day) | ({"rule": "FREQ=DAILY;COUNT=1"} if path == "/series" else {})
    assert is_problem(salon.admin.api.post(path, body), 422, "unknown_reference")


def test_a_dry_run_of_a_series_is_not_kept_under_its_key(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    body, key = order(service, day, rule="FREQ=DAILY;COUNT=1", dry_run=True), {"idempotency-key": f"dry-{day}"}
    assert ana.api.post("/series", body, headers=key).json()["dates"][0]["ok"] is True
    salon.book(salon.make_customer(), service, day)
    assert ana.api.post("/series", body, headers=key).json()["dates"][0]["ok"] is False
