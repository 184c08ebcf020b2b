"""Each change of an appointment has one row of the trail and one of the outbox, with who and why; nothing is undone."""

import pytest
from sqlalchemy import Connection, text
from tests.logic.test_states import let_begin
from tests.support.holds import let_pass
from tests.support.processes import Site
from tests.support.salon import Salon, is_problem, made, order
from tests.support.waiting import until


def trail(rows: Connection, appointment: int) -> list[str]:
    query = "SELECT action FROM audit_log WHERE subject = 'appointment' AND subject_id = :id ORDER BY id"
    return list(rows.scalars(text(query), {"id": appointment}))


def work(rows: Connection, appointment: int) -> list[str]:
    query = "SELECT kind FROM outbox WHERE aggregate = 'appointment:' || :id ORDER BY id"
    return [kind.removeprefix("appointment.") for kind in rows.scalars(text(query), {"id": appointment})]


def test_each_change_of_state_is_one_row_of_each(salon: Salon, roles: Site, rows: Connection) -> None:
    service, day, ana = salon.make_service(needs_approval=True), salon.open_day(), salon.make_customer()
    held = made(ana.api.post("/holds", order(service, day)))
    made(ana.api.post("/appointments", order(service, day, hold_id=held)))
    salon.admin.api.post(f"/appointments/{held}/confirm")
    salon.admin.api.put(f"/appointments/{held}", {"date": day, "time": "10:00"})
    let_begin(roles, held)
    salon.admin.api.post(f"/appointments/{held}/complete")
    expected = ["held", "requested", "confirmed", "moved", "completed"]
    assert trail(rows, held) == work(rows, held) == expected


@pytest.mark.parametrize("how", ["release", "expire", "cancel", "decline", "no-show"])
def test_each_end_is_one_row_of_each(salon: Salon, roles: Site, rows: Connection, how: str) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    if how in ("release", "expire"):
        number = made(ana.api.post("/holds", order(service, day)))
    else:
        number = salon.book(ana, service, day)
    if how == "release":
        ana.api.delete(f"/holds/{number}")
    elif how == "expire":
        let_pass(roles.database, number)
        until(lambda: len(trail(rows, number)) > 1, 30)
    elif how == "cancel":
        ana.api.delete(f"/appointments/me/{number}")
    else:
        let_begin(roles, number)
        salon.admin.api.post(f"/appointments/{number}/{how}")
    first = "held" if how in ("release", "expire") else "booked"
    last = {"expire": "expired", "no-show": "no_show"}.get(how, "cancelled")
    assert trail(rows, number) == work(rows, number) == [first, last]


@pytest.mark.parametrize("what", ["series", "visits"])
def test_what_is_cancelled_together_is_one_row_of_each_for_each(salon: Salon, rows: Connection, what: str) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    if what == "series":
        body = order(service, day, rule="FREQ=DAILY;COUNT=1")
    else:
        body = {"date": day, "time": "09:00", "services": [{"service_id": service}] * 3}
    number = made(ana.api.post(f"/{what}", body))
    rest = [row["id"] for row in ana.api.get(f"/{what}/{number}").json()["appointments"]]
    assert ana.api.delete(f"/{what}/{number}").json()["cancelled"] == rest
    for appointment in rest:
        assert trail(rows, appointment) == work(rows, appointment) == ["booked", "cancelled"]


def test_a_refused_change_leaves_no_row(salon: Salon, rows: Connection) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    assert is_problem(ana.api.put(f"/appointments/me/{booked}", {"date": day, "time": "03:00"}), 422, "closed")
    assert is_problem(salon.admin.api.post(f"/appointments/{booked}/complete"), 422, "wrong_state")
    assert trail(rows, booked) == work(rows, booked) == ["booked"]


def test_the_history_says_who_and_why_to_the_customer_and_to_staff(salon: Salon) -> None:
    service, day, ana, ion = salon.make_service(), salon.open_day(), salon.make_customer(), salon.make_customer()
    booked, staff = salon.book(ana, service, day), salon.make_staff()
    staff.api.put(f"/appointments/{booked}", {"date": day, "time": "10:00", "reason": "A leak"})
    ana.api.delete(f"/appointments/me/{booked}?reason=Ill")
    for who in (ana, staff):
        events = who.api.get(f"/appointments/{booked}/history").json()
        assert [(event["action"], event["actor_id"]) for event in events] == [
            ("booked", ana.id), ("moved", staff.id), ("cancelled", ana.id)
        ]  # fmt: skip
        assert [event["details"].get("reason") for event in events] == [None, "A leak", "Ill"]
    assert is_problem(ion.api.get(f"/appointments/{booked}/history"), 404, "not_found")


@pytest.mark.parametrize("change", ["PUT", "DELETE", "confirm", "decline", "complete", "no-show"])
def test_staff_change_nothing_that_has_changed_since_they_read_it(salon: Salon, rows: Connection, change: str) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked, api = salon.book(ana, service, day), salon.admin.api
    read = api.get(f"/appointments/{booked}").headers["etag"]
    assert ana.api.put(f"/appointments/me/{booked}", {"date": day, "time": "10:00"}).status_code == 200
    method, path = (change, "") if change.isupper() else ("POST", f"/{change}")
    body = {"date": day, "time": "11:00"} if change == "PUT" else None
    answered = api.request(method, f"/appointments/{booked}{path}", json=body, headers={"if-match": read})
    assert is_problem(answered, 412, "stale")
    assert trail(rows, booked) == ["booked", "moved"]


def test_an_etag_of_several_or_any_lets_a_change_through_and_a_weak_one_does_not(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    etag = ana.api.get(f"/appointments/{booked}").headers["etag"]
    path, times = f"/appointments/me/{booked}", iter(("10:00", "11:00", "12:00", "13:00"))
    for given, status in ((f"W/{etag}", 412), ('"v9"', 412), (f'"v9", {etag}', 200), ("*", 200), (etag, 412)):
        change = {"date": day, "time": next(times) if status == 200 else "14:00"}
        assert ana.api.put(path, change, headers={"if-match": given}).status_code == status
