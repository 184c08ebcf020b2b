"""No change of the calendar leaves appointments outside silently: it says which ones first, then is made knowingly."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple

import httpx2
import pytest
from tests.support.salon import Person, Salon, ids, is_problem, made, unique


class Scene(NamedTuple):
    """A provider of his own location, open on one weekday, and one appointment with him at nine."""

    salon: Salon
    place: int
    provider: int
    service: int
    ana: Person
    day: str
    booked: int

    def slots(self) -> list[str]:
        return self.salon.slots(self.service, self.day, provider=self.provider)


@pytest.fixture
def scene(salon: Salon) -> Scene:
    answered = salon.admin.api.post("/locations", {"name": f"Branch {unique()}"})
    place, provider = made(answered), answered.json()["provider_id"]
    day = salon.fresh_day()
    hours = [{"weekday": date.fromisoformat(day).isoweekday(), "start_time": "09:00", "end_time": "12:00"}]
    service, ana = salon.make_service(duration=60, slot_interval=60), salon.make_customer()
    change = {"hours": hours, "services": [service]}
    assert salon.admin.api.put(f"/providers/{provider}", change).status_code == 200
    return Scene(salon, place, provider, service, ana, day, salon.book(ana, service, day, provider_id=provider))


Change = Callable[[Scene, str], httpx2.Response]


def span(scene: Scene) -> dict[str, str]:
    return {"starts_at": f"{scene.day}T08:00:00Z", "ends_at": f"{scene.day}T09:01:00Z"}


CHANGES: dict[str, tuple[str, Change]] = {
    "weekly hours": (
        "provider.changed",
        lambda s, how: s.salon.admin.api.put(f"/providers/{s.provider}{how}", {"hours": []}),
    ),
    "services": (
        "provider.changed",
        lambda s, how: s.salon.admin.api.put(f"/providers/{s.provider}{how}", {"services": []}),
    ),
    "location": (
        "provider.changed",
        lambda s, how: s.salon.admin.api.put(f"/providers/{s.provider}{how}", {"location_id": 1}),
    ),
    "replaced day": (
        "provider.day_replaced",
        lambda s, how: s.salon.admin.api.put(f"/providers/{s.provider}/days/{s.day}{how}", {"intervals": []}),
    ),
    "time off": (
        "time_off.created",
        lambda s, how: s.salon.admin.api.post(f"/providers/{s.provider}/time-off{how}", span(s)),
    ),
    "closure": (
        "closure.created",
        lambda s, how: s.salon.admin.api.post(f"/closures{how}", {**span(s), "location_id": s.place}),
    ),
    "retirement": ("provider.retired", lambda s, how: s.salon.admin.api.delete(f"/providers/{s.provider}{how}")),
    "zone": (
        "location.changed",
        lambda s, how: s.salon.admin.api.put(f"/locations/{s.place}{how}", {"timezone": "America/New_York"}),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_dry_run_says_who_would_be_outside_and_saves_nothing(scene: Scene, name: str) -> None:
    before = scene.slots()
    answered = CHANGES[name][1](scene, "?dry_run=1")
    assert answered.status_code == 200, answered.text
    (row,) = answered.json()["affected"]
    assert row["id"] == scene.booked
    assert (row["date"], row["time"], row["status"]) == (scene.day, "09:00", "confirmed")
    assert (row["provider"]["id"], row["service"]["id"]) == (scene.provider, scene.service)
    assert (row["customer"]["id"], row["customer"]["email"]) == (scene.ana.id, scene.ana.email)
    assert scene.slots() == before == ["10:00", "11:00"]


@pytest.mark.parametrize("name", CHANGES)
def test_without_consent_it_is_refused_with_the_list_and_nothing_is_saved(scene: Scene, name: str) -> None:
    answered = CHANGES[name][1](scene, "")
    assert is_problem(answered, 409, "appointments_affected")
    assert ids(answered.json()["affected"]) == [scene.booked]
    assert scene.slots() == ["10:00", "11:00"]


@pytest.mark.parametrize("name", CHANGES)
def test_knowingly_it_is_saved_and_the_appointment_stays_and_says_that_it_was_kept(scene: Scene, name: str) -> None:
    because, change = CHANGES[name]
    answered = change(scene, "?keep=1")
    assert answered.status_code in (200, 201), answered.text
    row = scene.ana.api.get(f"/appointments/{scene.booked}").json()
    assert (row["status"], row["starts_at"]) == ("confirmed", f"{scene.day}T09:00:00Z")
    event = scene.ana.api.get(f"/appointments/{scene.booked}/history").json()[-1]
    assert (event["action"], event["details"]) == ("kept", {"because": because})
    assert event["actor_id"] == scene.salon.admin.id


def test_a_change_that_leaves_nobody_outside_just_happens(scene: Scene) -> None:
    api = scene.salon.admin.api
    narrow = [{"start_time": "09:00", "end_time": "10:00"}]
    assert api.put(f"/providers/{scene.provider}/days/{scene.day}?dry_run=1", {"intervals": narrow}).json() == {
        "affected": []
    }
    assert api.put(f"/providers/{scene.provider}/days/{scene.day}", {"intervals": narrow}).status_code == 200
    elsewhere = {"starts_at": f"{scene.day}T10:00:00Z", "ends_at": f"{scene.day}T12:00:00Z"}
    assert api.post(f"/providers/{scene.provider}/time-off", elsewhere).status_code == 201
    assert api.put(f"/providers/{scene.provider}", {"name": "Mia"}).status_code == 200


def test_one_who_is_outside_already_holds_up_no_further_change(scene: Scene) -> None:
    api = scene.salon.admin.api
    assert api.put(f"/providers/{scene.provider}?keep=1", {"hours": []}).status_code == 200
    assert api.post(f"/providers/{scene.provider}/time-off", span(scene)).status_code == 201
    assert api.delete(f"/providers/{scene.provider}").status_code == 200


def test_cancelled_ones_and_those_of_others_are_not_affected(scene: Scene) -> None:
    scene.ana.api.delete(f"/appointments/me/{scene.booked}")
    always = [{"weekday": weekday, "start_time": "00:00", "end_time": "24:00"} for weekday in range(1, 8)]
    other = scene.salon.make_provider(hours=always, services=[scene.service])
    scene.salon.book(scene.ana, scene.service, scene.day, "15:00", provider_id=other)
    assert scene.salon.admin.api.put(f"/providers/{scene.provider}", {"hours": []}).status_code == 200


def test_restoring_a_day_that_was_open_says_who_was_booked_on_it(scene: Scene) -> None:
    api = scene.salon.admin.api
    sunday = (date.fromisoformat(scene.day) + timedelta(days=1)).isoformat()
    one = f"/providers/{scene.provider}/days/{sunday}"
    assert api.put(one, {"intervals": [{"start_time": "09:00", "end_time": "12:00"}]}).status_code == 200
    booked = scene.salon.book(scene.ana, scene.service, sunday, provider_id=scene.provider)
    assert ids(api.delete(one).json()["affected"]) == [booked]
    assert api.delete(f"{one}?keep=1").status_code == 200


def test_an_availability_in_use_is_refused_as_ever_and_deleted_knowingly(scene: Scene) -> None:
    salon, api = scene.salon, scene.salon.admin.api
    day = (date.fromisoformat(scene.day) + timedelta(days=1)).isoformat()
    body = {"date": day, "start_time": "09:00", "end_time": "12:00", "provider_id": scene.provider}
    number = made(api.post("/availability", body))
    booked = salon.book(scene.ana, scene.service, day, provider_id=scene.provider)
    assert is_problem(api.delete(f"/availability/{number}"), 409, "availability_in_use")
    assert ids(api.delete(f"/availability/{number}?dry_run=1").json()["affected"]) == [booked]
    assert api.delete(f"/availability/{number}?keep=1").status_code == 200
    assert scene.ana.api.get(f"/appointments/{booked}/history").json()[-1]["action"] == "kept"


def test_a_key_that_was_refused_may_be_used_again_with_consent(scene: Scene) -> None:
    api, headers = scene.salon.admin.api, {"idempotency-key": unique()}
    path = f"/providers/{scene.provider}/time-off"
    assert is_problem(api.post(path, span(scene), headers=headers), 409, "appointments_affected")
    first = api.post(f"{path}?keep=1", span(scene), headers=headers)
    again = api.post(f"{path}?keep=1", span(scene), headers=headers)
    assert made(first) == made(again)
    assert len(api.get(path).json()) == 1
    asked: list[dict[str, Any]] = api.post(f"{path}?dry_run=1", span(scene), headers=headers).json()["affected"]
    assert asked == []


def test_only_those_who_may_change_may_ask(scene: Scene) -> None:
    staff = scene.salon.make_staff()
    for who, code in ((scene.ana.api, "role_not_allowed"), (staff.api, "role_not_allowed")):
        assert is_problem(who.delete(f"/providers/{scene.provider}?dry_run=1"), 403, code)
    assert is_problem(
        scene.ana.api.put(f"/providers/{scene.provider}?dry_run=1", {"hours": []}), 403, "role_not_allowed"
    )
    assert is_problem(staff.api.put(f"/providers/{scene.provider}?dry_run=2", {"hours": []}), 422, "invalid")
