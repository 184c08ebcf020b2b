"""Each change of the business has one row of the trail and one of the outbox, with who did it, at whose request."""

from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, text
from tests.support.salon import Person, Salon, order, unique


class Step(NamedTuple):
    """A request and what it is called; what it makes is `makes` in the paths and bodies of later ones."""

    method: str
    path: str
    body: dict[str, Any] | None
    change: str
    makes: str = ""


SPAN = {"starts_at": "{day}T10:00:00Z", "ends_at": "{day}T11:00:00Z"}
HOURS = {"date": "{day}", "start_time": "09:00", "end_time": "10:00", "provider_id": "{provider}"}
STEPS = (
    Step("POST", "/services", {"name": "Cut", "price": "80 RON", "duration": 30}, "service.created", "service"),
    Step("PUT", "/services/{service}", {"duration": 40}, "service.changed"),
    Step("POST", "/services/{service}/addons", {"name": "Wash"}, "addon.created", "addon"),
    Step("PUT", "/services/{service}/addons/{addon}", {"duration": 5}, "addon.changed"),
    Step("DELETE", "/services/{service}/addons/{addon}", None, "addon.removed"),
    Step("POST", "/providers", {"name": "Ion"}, "provider.created", "provider"),
    Step("PUT", "/providers/{provider}", {"name": "Jon"}, "provider.changed"),
    Step("PUT", "/providers/{provider}/days/{day}", {"intervals": []}, "provider.day_replaced"),
    Step("DELETE", "/providers/{provider}/days/{day}", None, "provider.day_restored"),
    Step("POST", "/providers/{provider}/time-off", SPAN, "time_off.created", "time_off"),
    Step("DELETE", "/providers/{provider}/time-off/{time_off}", None, "time_off.removed"),
    Step("POST", "/availability", HOURS, "availability.added", "availability"),
    Step("DELETE", "/availability/{availability}", None, "availability.removed"),
    Step("DELETE", "/providers/{provider}", None, "provider.retired"),
    Step("POST", "/locations", {"name": "Branch"}, "location.created", "location"),
    Step("PUT", "/locations/{location}", {"name": "Shop"}, "location.changed"),
    Step("POST", "/closures", {**SPAN, "location_id": "{location}"}, "closure.created", "closure"),
    Step("DELETE", "/closures/{closure}", None, "closure.removed"),
    Step("POST", "/resources", {"name": "Room", "type": "room"}, "resource.created", "resource"),
    Step("PUT", "/resources/{resource}", {"name": "Hall"}, "resource.changed"),
    Step("DELETE", "/resources/{resource}", None, "resource.retired"),
    Step("DELETE", "/services/{service}", None, "service.removed"),
)


def filled(template: Any, known: dict[str, Any]) -> Any:
    """Put what is known into a path or a body; a place that is all of a text keeps its type."""
    if isinstance(template, dict):
        return {name: filled(part, known) for name, part in template.items()}
    if not isinstance(template, str):
        return template
    name = template.strip("{}")
    return known[name] if template == f"{{{name}}}" else template.format(**known)


def done(who: Person, method: str, path: str, body: Any) -> tuple[str, dict[str, Any]]:
    """Return the request's id and its answer."""
    request_id = unique()
    answered = who.api.request(method, path, json=body, headers={"x-request-id": request_id})
    assert answered.status_code in (200, 201), answered.text
    return request_id, answered.json()


def left(rows: Connection, request_id: str, actor: int) -> list[str]:
    """Return what a request left in the trail; of each there is one row of work, of the same thing."""
    trail = rows.execute(
        text("SELECT action, subject, subject_id, actor_id FROM audit_log WHERE request_id = :id ORDER BY id"),
        {"id": request_id},
    ).all()
    assert {row.actor_id for row in trail} <= {actor}
    changes = [f"{row.subject}.{row.action}" for row in trail]
    for change, row in zip(changes, trail, strict=True):
        count = "SELECT count(*) FROM outbox WHERE kind = :kind AND aggregate = :of"
        assert rows.scalar(text(count), {"kind": change, "of": f"{row.subject}:{row.subject_id}"}) == 1
    return changes


def test_each_change_of_the_business_is_one_row_of_each(salon: Salon, rows: Connection) -> None:
    known: dict[str, Any] = {"day": salon.fresh_day()}
    for step in STEPS:
        path, body = filled(step.path, known), filled(step.body, known)
        request_id, answer = done(salon.admin, step.method, path, body)
        assert left(rows, request_id, salon.admin.id) == [step.change], step
        if step.makes:
            known[step.makes] = answer["object_id"]


def test_waiting_and_no_longer_waiting_is_one_row_of_each(salon: Salon, rows: Connection) -> None:
    service, day, ana = salon.make_service(), salon.fresh_day(), salon.make_customer()
    wish = {"service_id": service, "first_date": day, "last_date": day}
    request_id, answer = done(ana, "POST", "/waitlist", wish)
    assert left(rows, request_id, ana.id) == ["waitlist.joined"]
    request_id, _ = done(ana, "DELETE", f"/waitlist/{answer['object_id']}", None)
    assert left(rows, request_id, ana.id) == ["waitlist.withdrawn"]


@pytest.mark.parametrize("what", ["series", "visit"])
def test_what_is_booked_together_is_one_row_of_each_for_itself_and_for_each_appointment(
    salon: Salon, rows: Connection, what: str
) -> None:
    service, day, ana = salon.make_service(), salon.open_day(), salon.make_customer()
    if what == "series":
        path, body, count = "/series", order(service, day, rule="FREQ=DAILY;COUNT=1"), 1
    else:
        path, body, count = "/visits", {"date": day, "time": "09:00", "services": [{"service_id": service}] * 3}, 3
    request_id, _ = done(ana, "POST", path, body)
    assert sorted(left(rows, request_id, ana.id)) == ["appointment.booked"] * count + [f"{what}.booked"]


def test_a_changed_profile_and_a_changed_role_are_one_row_of_each(salon: Salon, rows: Connection) -> None:
    ana = salon.make_customer()
    request_id, _ = done(ana, "PUT", "/profile", {"name": "Ana Maria"})
    assert left(rows, request_id, ana.id) == ["user.changed"]
    request_id, _ = done(salon.admin, "PUT", f"/auth/users/{ana.id}/role", {"role": "staff"})
    assert left(rows, request_id, salon.admin.id) == ["user.role_set"]
