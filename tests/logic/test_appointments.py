"""One's own appointments and everybody's: lists, moves, cancellations, versions."""

from datetime import UTC, datetime

import pytest
from tests.support.salon import Salon, ids, is_problem, order

OWN = {"id", "service", "date", "time"}


def test_my_appointments_are_as_old_clients_know_them_and_by_time(salon: Salon) -> None:
    service, day, ana = salon.make_service(name="Cut"), salon.open_day(), salon.make_customer()
    late, early = salon.book(ana, service, day, "11:00"), salon.book(ana, service, day, "09:00")
    rows = ana.api.get("/appointments/me").json()
    assert ids(rows) == [early, late]
    assert rows[0].items() >= {"id": early, "service": {"id": service, "name": "Cut"}, "date": day}.items()
    assert rows[0]["time"] == "09:00"
    assert "user_id" not in rows[0]


def test_staff_see_everybodys_with_whose_they_are(salon: Salon) -> None:
    service, day, ana, ion = salon.make_service(), salon.open_day(), salon.make_customer("Ana"), salon.make_customer()
    mine, his = salon.book(ana, service, day, "09:00"), salon.book(ion, service, day, "10:00")
    rows = salon.make_staff().api.get(f"/appointments/date/{day}").json()
    assert [(row["id"], row["user_id"]) for row in rows] == [(mine, ana.id), (his, ion.id)]
    assert set(rows[0]) >= OWN
    assert {mine, his} <= set(ids(salon.admin.api.get("/appointments").json()))


@pytest.mark.parametrize("path", ["/appointments", "/appointments/date/2027-03-01"])
def test_customers_do_not_see_everybodys(salon: Salon, path: str) -> None:
    assert is_problem(salon.make_customer().api.get(path), 403, "role_not_allowed")
    assert is_problem(salon.anyone.get(path), 401, "unauthenticated")


@pytest.mark.parametrize("day", ["2027-02-30", "tomorrow", "0001-01-01", "9999-12-31", "20270301", "2027-W09-1"])
def test_a_date_that_is_none_is_a_fault_of_the_request(salon: Salon, day: str) -> None:
    for path in ("/appointments/date/", "/availability/"):
        assert is_problem(salon.admin.api.get(path + day), 422, "invalid")


def test_a_list_is_read_in_pages_that_a_link_header_joins(salon: Salon) -> None:
    service, day, ana = salon.make_service(duration=10), salon.open_day(), salon.make_customer()
    booked = [salon.book(ana, service, day, f"09:{minute}0") for minute in range(5)]
    page, seen, sizes = ana.api.get("/appointments/me", {"limit": 2}), [], []
    while True:
        seen += ids(page.json())
        sizes.append(len(page.json()))
        if "next" not in page.links:
            break
        page = ana.api.get(page.links["next"]["url"])
    assert (seen, sizes) == (booked, [2, 2, 1])


def test_pages_hold_while_others_book_and_cancel(salon: Salon) -> None:
    service, day, ana = salon.make_service(duration=10), salon.open_day(), salon.make_customer()
    booked = [salon.book(ana, service, day, f"10:{minute}0") for minute in range(4)]
    first = ana.api.get("/appointments/me", {"limit": 2})
    salon.book(ana, service, day, "09:00")
    ana.api.delete(f"/appointments/me/{booked[0]}")
    rest = ana.api.get(first.links["next"]["url"])
    assert ids(first.json()) + ids(rest.json()) == booked


def test_everybodys_pages_of_a_date_stay_on_that_date(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    salon.book(ana, service, salon.open_day(), "09:00")
    booked = [salon.book(ana, service, day, time) for time in ("09:00", "10:00", "11:00")]
    page = salon.admin.api.get(f"/appointments/date/{day}", {"limit": 2})
    rest = salon.admin.api.get(page.links["next"]["url"])
    assert ids(page.json()) + ids(rest.json()) == booked
    assert "link" not in rest.headers


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x"])
def test_a_limit_that_is_none_is_a_fault_of_the_request(salon: Salon, limit: str) -> None:
    assert is_problem(salon.admin.api.get("/appointments", {"limit": limit}), 422, "invalid")


def test_a_moved_appointment_keeps_its_id_and_frees_its_time(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked, other = salon.book(ana, service, day, "09:00"), salon.open_day()
    answered = ana.api.put(f"/appointments/me/{booked}", {"date": other, "time": "10:00"})
    assert (answered.status_code, list(answered.json())) == (200, ["message"])
    row = ana.api.get("/appointments/me").json()[0]
    assert (row["id"], row["date"], row["time"]) == (booked, other, "10:00")
    assert "09:00" in salon.slots(service, day)
    assert "10:00" not in salon.slots(service, other)


def test_a_move_may_overlap_the_appointment_itself_and_no_other(salon: Salon) -> None:
    service, day, ana = salon.make_service(duration=60), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day, "09:00")
    salon.book(ana, service, day, "11:00")
    assert ana.api.put(f"/appointments/me/{booked}", {"date": day, "time": "09:30"}).status_code == 200
    answered = ana.api.put(f"/appointments/me/{booked}", {"date": day, "time": "10:30"})
    assert is_problem(answered, 409, "slot_taken")
    assert ana.api.get(f"/appointments/{booked}").json()["time"] == "09:30"


def test_a_move_obeys_the_rules_of_booking(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    for body, code in (
        ({"date": day, "time": "08:00"}, "closed"),
        ({"date": "2020-01-01", "time": "09:00"}, "in_the_past"),
    ):
        assert is_problem(ana.api.put(f"/appointments/me/{booked}", body), 422, code)
    assert is_problem(ana.api.put(f"/appointments/me/{booked}", {"date": day}), 422, "invalid")


def test_a_second_cancellation_finds_nothing_and_the_time_is_free(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    answered = ana.api.delete(f"/appointments/me/{booked}")
    assert (answered.status_code, list(answered.json())) == (200, ["message"])
    for path in (f"/appointments/me/{booked}", f"/appointments/{booked}"):
        api = salon.admin.api if "/me/" not in path else ana.api
        assert is_problem(api.delete(path), 404, "not_found")
        assert is_problem(api.put(path, {"date": day, "time": "10:00"}), 404, "not_found")
    assert ana.api.get("/appointments/me").json() == []
    assert booked not in ids(salon.admin.api.get(f"/appointments/date/{day}").json())
    salon.book(ana, service, day)


def test_somebody_elses_appointment_is_not_there(salon: Salon) -> None:
    service, day, ana, ion = salon.make_service(), salon.open_day(), salon.make_customer(), salon.make_customer()
    booked = salon.book(ana, service, day)
    assert is_problem(ion.api.get(f"/appointments/{booked}"), 404, "not_found")
    assert is_problem(ion.api.delete(f"/appointments/me/{booked}"), 404, "not_found")
    assert is_problem(ion.api.put(f"/appointments/me/{booked}", {"date": day, "time": "10:00"}), 404, "not_found")
    assert is_problem(ion.api.delete(f"/appointments/{booked}"), 403, "role_not_allowed")
    assert is_problem(ion.api.put(f"/appointments/{booked}", {"date": day, "time": "10:00"}), 403, "role_not_allowed")
    assert is_problem(salon.admin.api.delete(f"/appointments/me/{booked}"), 404, "not_found")


def test_staff_move_and_cancel_anybodys(salon: Salon) -> None:
    service, day, ana, staff = salon.make_service(), salon.open_day(), salon.make_customer(), salon.make_staff()
    booked = salon.book(ana, service, day)
    assert staff.api.put(f"/appointments/{booked}", {"date": day, "time": "10:00"}).status_code == 200
    assert ana.api.get("/appointments/me").json()[0]["time"] == "10:00"
    assert staff.api.delete(f"/appointments/{booked}").status_code == 200
    assert ana.api.get("/appointments/me").json() == []


def test_after_the_cancellation_window_customers_are_refused_and_staff_are_not(salon: Salon) -> None:
    service = salon.make_service(cancellation_window=366 * 1440)
    day, ana = salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    assert is_problem(ana.api.delete(f"/appointments/me/{booked}"), 422, "too_late_to_cancel")
    assert is_problem(
        ana.api.put(f"/appointments/me/{booked}", {"date": day, "time": "10:00"}), 422, "too_late_to_cancel"
    )
    assert salon.admin.api.delete(f"/appointments/{booked}").status_code == 200


def test_a_version_that_was_read_is_what_a_change_may_depend_on(salon: Salon) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    path = f"/appointments/{salon.book(ana, service, day)}"
    own = path.replace("/appointments/", "/appointments/me/")
    read = ana.api.get(path).headers["etag"]
    for known in (read, f"W/{read}", f'"v0", {read}', "*"):
        assert ana.api.get(path, headers={"if-none-match": known}).status_code == 304
    move = {"date": day, "time": "10:00"}
    assert ana.api.put(own, move, headers={"if-match": read}).status_code == 200
    assert is_problem(ana.api.put(own, move, headers={"if-match": read}), 412, "stale")
    assert is_problem(ana.api.delete(own, headers={"if-match": read}), 412, "stale")
    now = ana.api.get(path, headers={"if-none-match": read})
    assert now.status_code == 200
    assert now.headers["etag"] != read
    assert ana.api.put(own, move, headers={"if-match": "*"}).status_code == 200
    assert ana.api.delete(own).status_code == 200


def test_an_appointment_has_its_instants_and_its_price_beside_the_local_time(salon: Salon) -> None:
    service, day, ana = salon.make_service(price="80.50 RON", duration=45), salon.open_day(), salon.make_customer()
    row = ana.api.get(f"/appointments/{salon.book(ana, service, day, '09:10')}").json()
    assert (row["price"], row["price_minor"], row["currency"]) == ("80.50 RON", 8050, "RON")
    starts, ends = (datetime.fromisoformat(row[name]) for name in ("starts_at", "ends_at"))
    assert starts == datetime.fromisoformat(f"{day}T09:10").replace(tzinfo=UTC)
    assert (ends - starts).total_seconds() == 45 * 60
    assert row["status"] == "confirmed"


def test_what_nobody_has_is_not_found(salon: Salon) -> None:
    for number in (2**62, 10**30):
        assert is_problem(salon.admin.api.get(f"/appointments/{number}"), 404, "not_found")
        assert is_problem(salon.admin.api.delete(f"/appointments/{number}"), 404, "not_found")
    assert is_problem(salon.admin.api.get("/appointments/x"), 404, "not_found")
    assert is_problem(salon.admin.api.post("/appointments/1", order(1, "2027-03-01")), 405, "method_not_allowed")
