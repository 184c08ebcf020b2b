"""T13, T14: db asks the actor's own row what he may: a bug in logic, which names the actor, reaches nobody else's."""

import uuid

import httpx2
import pytest
from sqlalchemy import text
from tests.security.stage import far_day, instants, span
from tests.support.databases import engine
from tests.support.processes import KEYS, Site
from tests.support.salon import Person, Salon

from bookmeup.clients.service_tokens import ServiceTokens

DAY = f"/providers/1/days/{far_day()}"
FOR_STAFF: dict[str, object] = {
    "GET /services/all": None,
    "POST /services": {"name": "Free", "price": "0", "duration": 5},
    "PUT /services/{service}": {"price": "0"},
    "DELETE /services/{service}": None,
    "POST /services/{service}/addons": {"name": "Mask"},
    "PUT /services/{service}/addons/1": {"price": "0"},
    "DELETE /services/{service}/addons/1": None,
    "GET /slots/verdicts?service_id={service}&date=2030-01-01&time=09:00": None,
    "GET /appointments": None,
    "PUT /appointments/{id}": {"date": "2030-01-01", "time": "10:00"},
    "DELETE /appointments/{id}": None,
    "POST /appointments/{id}/confirm": {},
    "POST /appointments/{id}/decline": {},
    "POST /appointments/{id}/complete": {},
    "POST /appointments/{id}/no-show": {},
    "GET /dead-letters": None,
    "POST /dead-letters/1/replay": None,
    "PUT /location": {"address": "Mine"},
    "POST /locations": {"name": "Mine"},
    "PUT /locations/1": {"address": "Mine"},
    "POST /closures": instants(),
    "DELETE /closures/1": None,
    "GET /resources": None,
    "POST /resources": {"name": "Mine", "type": "chair"},
    "PUT /resources/1": {"name": "Mine"},
    "DELETE /resources/1": None,
    "POST /providers": {"name": "Mine"},
    "PUT /providers/1": {"name": "Mine"},
    "DELETE /providers/1": None,
    f"GET {DAY}": None,
    f"PUT {DAY}": {"intervals": []},
    f"DELETE {DAY}": None,
    "GET /providers/1/time-off": None,
    "POST /providers/1/time-off": instants(),
    "DELETE /providers/1/time-off/1": None,
    "GET /availability?date=2030-01-01": None,
    "POST /availability": span(),
    "DELETE /availability/1": None,
}
"""What db decides for staff or admins alone, whatever logic let through."""


@pytest.fixture(scope="module")
def two(salon: Salon) -> tuple[Person, Person, int]:
    """Two customers and an appointment of the first."""
    first, second = salon.make_customer(), salon.make_customer()
    return first, second, salon.book(first, salon.make_service(), salon.open_day())


def session_of(site: Site, person: Person) -> str:
    with engine(site.database).connect() as connection:
        query = text("SELECT id FROM sessions WHERE user_id = :user AND ended_at IS NULL")
        return str(connection.execute(query, {"user": person.id}).scalars().first())


def as_logic(
    site: Site, client: httpx2.Client, sid: str, actor: int, name: str, appointment: int, body: object = None
) -> int:
    method, path = name.split(" ")
    token = ServiceTokens("logic", [KEYS["LOGIC_SERVICE_KEY"]]).issue(actor, sid)
    url = site.db.url + path.replace("{id}", str(appointment))
    return client.request(method, url, headers={"authorization": f"Bearer {token}"}, json=body).status_code


@pytest.mark.parametrize(
    "name",
    [
        "GET /appointments/{id}",
        "PUT /appointments/mine/{id}",
        "DELETE /appointments/mine/{id}",
        "PUT /appointments/{id}",
        "DELETE /appointments/{id}",
    ],
)
def test_a_wrong_actor_reaches_no_other_s_row(
    name: str, roles: Site, client: httpx2.Client, two: tuple[Person, Person, int]
) -> None:
    """Even if logic named the wrong user, db asks whose row it is."""
    _first, second, appointment = two
    move = {"date": "2030-01-01", "time": "10:00"}
    status = as_logic(roles, client, session_of(roles, second), second.id, name, appointment, move)
    assert status == (403 if "mine" not in name and "GET" not in name else 404)
    with engine(roles.database).connect() as connection:
        query = text("SELECT status, version FROM appointments WHERE id = :id")
        assert connection.execute(query, {"id": appointment}).one() == ("confirmed", 1)


def test_an_actor_needs_a_session_of_his_own(
    roles: Site, client: httpx2.Client, two: tuple[Person, Person, int]
) -> None:
    first, second, appointment = two
    for sid in (session_of(roles, second), str(uuid.uuid4())):
        for name in ("GET /appointments/{id}", "DELETE /appointments/mine/{id}", "GET /users/me", "PUT /users/me"):
            assert as_logic(roles, client, sid, first.id, name, appointment, {}) == 401


def test_a_role_that_is_no_more_counts_nothing(
    roles: Site, client: httpx2.Client, two: tuple[Person, Person, int]
) -> None:
    """The token cannot even say a role: db reads it from the row."""
    first, _, appointment = two
    service = {"name": "Free", "price": "0", "duration": 5}
    assert as_logic(roles, client, session_of(roles, first), first.id, "POST /services", appointment, service) == 403


@pytest.mark.parametrize("name", FOR_STAFF)
def test_a_customer_does_not_get_at_what_is_for_staff(
    name: str, roles: Site, client: httpx2.Client, salon: Salon, two: tuple[Person, Person, int]
) -> None:
    """Neither as the owner of an appointment nor otherwise."""
    first, _, appointment = two
    filled = name.replace("{service}", str(salon.make_service()))
    assert as_logic(roles, client, session_of(roles, first), first.id, filled, appointment, FOR_STAFF[name]) == 403


@pytest.mark.parametrize("name", ["PUT /location", "POST /locations", "PUT /locations/1", "DELETE /providers/1"])
def test_staff_do_not_get_at_what_is_for_admins(name: str, roles: Site, client: httpx2.Client, salon: Salon) -> None:
    staff = salon.make_staff()
    assert as_logic(roles, client, session_of(roles, staff), staff.id, name, 0, FOR_STAFF[name]) == 403
