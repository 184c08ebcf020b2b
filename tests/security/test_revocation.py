"""T7: what a token said when it was made does not outlive the row it was made of."""

import time

import pytest
from tests.support.api import Front
from tests.support.processes import Site
from tests.support.salon import PASSWORD, Person, Salon

SECONDS = 5.0
STAFFS = [
    ("GET", "/appointments", None), ("GET", "/appointments/date/2027-01-01", None), ("GET",
    "/availability/2027-01-01", None),
    ("POST", "/services", {"name": "Sly", "price": "0", "duration": 5}), ("PUT", "/services/1", {"price": "0"}),
    ("DELETE", "/services/1", None), ("POST", "/providers", {"name": "Sly"}), ("PUT", "/providers/1", {"name": "Sly"}),
    ("POST", "/availability", {"date": "2040-01-01", "start_time": "09:00", "end_time": "10:00"}),
    ("DELETE", "/availability/1", None), ("PUT", "/appointments/1", {"date": "2027-01-01", "time": "09:00"}),
    ("DELETE", "/appointments/1", None),
]  # fmt: skip
ADMINS = [("GET", "/auth/users", None), ("PUT", "/auth/users/1/role", {"role": "staff"}), ("PUT", "/location",
{"name": "Sly"}),
          ("DELETE", "/providers/1", None)]  # fmt: skip
OWN = [("GET", "/profile", None), ("PUT", "/profile", {"name": "Sly"}), ("GET", "/appointments/me", None),
       ("DELETE", "/auth/logout", None), ("GET", "/appointments/1", None)]  # fmt: skip


def refused_within(person: Person, method: str, path: str, body: object, seconds: float = SECONDS) -> int:
    """Return the status once it is a refusal; one that is not by then is returned as it is."""
    deadline = time.monotonic() + seconds
    while True:
        status = person.api.request(method, path, json=body).status_code
        if status in (401, 403) or time.monotonic() > deadline:
            return status
        time.sleep(0.1)


def on(site: Site, salon: Salon, person: Person) -> Person:
    """Return the same person with the same token at one replica."""
    return person._replace(api=salon.through(Front(site)).anyone.bearing(person.api.token))


def test_a_demoted_one_is_staff_no_more(salon: Salon, replicas: tuple[Site, Site]) -> None:
    person = salon.make_staff("admin")
    assert person.api.get("/appointments").status_code == 200
    assert salon.admin.api.put(f"/auth/users/{person.id}/role", {"role": "customer"}).status_code == 200
    for site in replicas:
        there = on(site, salon, person)
        for method, path, body in [*STAFFS, *ADMINS]:
            assert refused_within(there, method, path, body) in (401, 403), (method, path)


def test_a_demoted_admin_gives_nobody_a_role(salon: Salon) -> None:
    person, friend = salon.make_staff("admin"), salon.make_customer()
    salon.admin.api.put(f"/auth/users/{person.id}/role", {"role": "staff"})
    assert person.api.put(f"/auth/users/{friend.id}/role", {"role": "admin"}).status_code in (401, 403)
    assert salon.sign_in(friend.email).api.get("/profile").json()["role"] == "customer"


@pytest.mark.parametrize(("method", "path", "body"), OWN)
def test_a_token_that_was_logged_out_is_refused_everywhere(
    method: str, path: str, body: object, salon: Salon, replicas: tuple[Site, Site]
) -> None:
    person = salon.make_customer()
    assert person.api.delete("/auth/logout").status_code == 200
    for site in replicas:
        assert refused_within(on(site, salon, person), method, path, body) == 401


def test_a_new_password_ends_the_other_sessions_and_not_this_one(salon: Salon, replicas: tuple[Site, Site]) -> None:
    person = salon.make_customer()
    other = salon.sign_in(person.email)
    assert person.api.put("/profile", {"password": "another " + PASSWORD}).status_code == 200
    for site in replicas:
        assert refused_within(on(site, salon, other), "GET", "/profile", None) == 401
        assert on(site, salon, person).api.get("/profile").status_code == 200
    assert salon.anyone.post("/auth/login", {"email": person.email, "password": PASSWORD}).status_code == 401


def test_one_logout_ends_one_session(salon: Salon) -> None:
    person = salon.make_customer()
    other = salon.sign_in(person.email)
    person.api.delete("/auth/logout")
    assert other.api.get("/profile").status_code == 200


def test_a_logged_out_staff_books_and_changes_nothing(salon: Salon) -> None:
    person = salon.make_staff()
    person.api.delete("/auth/logout")
    for method, path, body in STAFFS:
        assert refused_within(person, method, path, body) == 401, (method, path)


def test_a_promotion_needs_a_new_sign_in_and_nothing_else(salon: Salon) -> None:
    person = salon.make_customer()
    salon.admin.api.put(f"/auth/users/{person.id}/role", {"role": "staff"})
    assert person.api.get("/appointments").status_code in (401, 403)
    assert salon.sign_in(person.email).api.get("/appointments").status_code == 200
