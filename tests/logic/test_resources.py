"""Rooms, chairs and devices."""

from tests.support.salon import Salon, ids, is_problem, made, order, unique


def test_a_service_that_needs_a_room_is_booked_as_often_as_there_are_rooms(salon: Salon) -> None:
    kind = f"room {unique()}"
    service, mia, leo = salon.make_service(resource_type=kind), salon.make_provider(), salon.make_provider()
    day = salon.open_day(provider=mia)
    salon.open_day(provider=leo, day=day)
    ana, ion = salon.make_customers(2)
    assert is_problem(ana.api.post("/appointments", order(service, day, provider_id=mia)), 409, "no_resource")
    made(salon.admin.api.post("/resources", {"name": "Blue", "type": kind}))
    salon.book(ana, service, day, provider_id=mia)
    assert is_problem(ion.api.post("/appointments", order(service, day, provider_id=leo)), 409, "no_resource")
    made(salon.admin.api.post("/resources", {"name": "Red", "type": kind}))
    salon.book(ion, service, day, provider_id=leo)


def test_staff_list_change_and_retire_them(salon: Salon) -> None:
    staff = salon.make_staff()
    room = made(staff.api.post("/resources", {"name": "Blue", "type": "room"}))
    assert {"id": room, "name": "Blue", "type": "room", "location_id": 1} in staff.api.get("/resources").json()
    assert staff.api.put(f"/resources/{room}", {"name": "Green"}).status_code == 200
    row = next(row for row in staff.api.get("/resources").json() if row["id"] == room)
    assert (row["name"], row["type"]) == ("Green", "room")
    assert staff.api.delete(f"/resources/{room}").status_code == 200
    assert room not in ids(staff.api.get("/resources").json())
    assert is_problem(staff.api.delete(f"/resources/{room}"), 404, "not_found")
    assert is_problem(staff.api.put(f"/resources/{room}", {"name": "x"}), 404, "not_found")


def test_a_room_with_appointments_to_come_is_retired_knowingly(salon: Salon) -> None:
    kind = f"room {unique()}"
    room = made(salon.admin.api.post("/resources", {"name": "Blue", "type": kind}))
    service, day, ana = salon.make_service(resource_type=kind), salon.open_day(), salon.make_customer()
    booked = salon.book(ana, service, day)
    for answered in (
        salon.admin.api.delete(f"/resources/{room}"),
        salon.admin.api.put(f"/resources/{room}", {"type": "another"}),
    ):
        assert is_problem(answered, 409, "appointments_affected")
        assert ids(answered.json()["affected"]) == [booked]
    assert salon.admin.api.put(f"/resources/{room}", {"name": "Sky"}).status_code == 200
    assert ids(salon.admin.api.delete(f"/resources/{room}?dry_run=1").json()["affected"]) == [booked]
    assert salon.admin.api.delete(f"/resources/{room}?keep=1").status_code == 200
    assert ids(ana.api.get("/appointments/me").json()) == [booked]
    assert salon.slots(service, day) == []


def test_rooms_are_staff_s_and_need_a_name_a_type_and_a_place(salon: Salon) -> None:
    ana, body = salon.make_customer(), {"name": "Blue", "type": "room"}
    for api, status in ((salon.anyone, 401), (ana.api, 403)):
        assert api.get("/resources").status_code == status
        assert api.post("/resources", body).status_code == status
        assert api.put("/resources/1", body).status_code == status
        assert api.delete("/resources/1").status_code == status
    answered = salon.admin.api.post("/resources", {})
    assert is_problem(answered, 422, "invalid")
    assert {fault["pointer"] for fault in answered.json()["errors"]} == {"/name", "/type"}
    assert is_problem(salon.admin.api.post("/resources", body | {"location_id": 2**62}), 422, "unknown_reference")
    provider = salon.make_provider()
    assert is_problem(salon.admin.api.delete(f"/resources/{provider}"), 404, "not_found")
