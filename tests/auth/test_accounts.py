"""Accounts through real HTTP: registration, sign-in, sign-out, roles, as old clients know them."""

import base64
import json
from typing import Any

import pytest
from tests.support.api import Front, Shot, volley
from tests.support.processes import Site
from tests.support.salon import PASSWORD, Salon, ids, is_problem, unique
from tests.support.waiting import until

SEEN_BY_ALL = 5.0


def address() -> str:
    return f"{unique()}@customers.example"


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def test_auth_says_that_it_is_there_in_text(salon: Salon) -> None:
    answered = salon.anyone.get("/auth/health")
    assert answered.status_code == 200
    assert answered.headers["content-type"].startswith("text/plain")


def test_who_registers_is_told_so_and_can_sign_in(salon: Salon) -> None:
    email = address()
    answered = salon.anyone.post("/auth/register", {"name": "Ana", "email": email, "password": PASSWORD})
    assert (answered.status_code, list(answered.json())) == (201, ["message"])
    answered = salon.anyone.post("/auth/login", {"email": email, "password": PASSWORD})
    assert answered.status_code == 200
    told = answered.json()
    assert told["user"].items() >= {"name": "Ana", "email": email, "role": "customer"}.items()
    assert isinstance(told["user"]["id"], int)
    found = claims(told["access_token"])
    assert found["sub"] == str(told["user"]["id"])
    assert (found["name"], found["email"], found["role"]) == ("Ana", email, "customer")
    assert found["exp"] - found["iat"] == 900


def test_an_address_is_the_same_in_capitals(salon: Salon) -> None:
    ana = salon.make_customer()
    assert salon.sign_in(ana.email.upper()).id == ana.id
    body = {"name": "Ana", "email": ana.email.upper(), "password": PASSWORD}
    assert is_problem(salon.anyone.post("/auth/register", body), 409, "email_taken")


def test_of_many_who_register_one_address_at_once_one_does(salon: Salon, replicas: tuple[Site, Site]) -> None:
    body = {"name": "Ana", "email": address(), "password": PASSWORD}
    api = salon.through(Front(*replicas)).anyone
    answers = volley([Shot(api, "POST", "/auth/register", body)] * 6)
    assert sorted(answer.status for answer in answers) == [201] + 5 * [409]


@pytest.mark.parametrize("role", ["staff", "admin", "owner", ""])
def test_nobody_gives_himself_a_role(salon: Salon, role: str) -> None:
    email = address()
    body = {"name": "Ana", "email": email, "password": PASSWORD, "role": role}
    assert is_problem(salon.anyone.post("/auth/register", body), 403, "role_not_allowed")
    assert salon.anyone.post("/auth/login", {"email": email, "password": PASSWORD}).status_code == 401


def test_the_role_customer_may_be_named_and_unknown_members_are_ignored(salon: Salon) -> None:
    body = {"name": "Ana", "email": address(), "password": PASSWORD, "role": "customer", "newsletter": True}
    assert salon.anyone.post("/auth/register", body).status_code == 201


def test_all_faults_of_a_registration_are_told_at_once_with_their_place(salon: Salon) -> None:
    answered = salon.anyone.post("/auth/register", {"name": " ", "email": "nowhere"})
    assert is_problem(answered, 422, "invalid")
    assert {fault["pointer"] for fault in answered.json()["errors"]} == {"/name", "/email", "/password"}


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(salon: Salon) -> None:
    ana = salon.make_customer()
    wrong = salon.anyone.post("/auth/login", {"email": ana.email, "password": "wrong"})
    unknown = salon.anyone.post("/auth/login", {"email": address(), "password": "wrong"})
    assert is_problem(wrong, 401, "wrong_credentials")
    assert is_problem(unknown, 401, "wrong_credentials")
    assert wrong.json()["error"] == unknown.json()["error"]
    assert "www-authenticate" in wrong.headers


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 5000, "application/json", 400),
        (b"email=a", "application/x-www-form-urlencoded", 415),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b" " * (1 << 20) + b"{}", "application/json", 413),
    ],
)
def test_a_malformed_body_is_refused_and_never_a_500(salon: Salon, content: bytes, media: str, status: int) -> None:
    answered = salon.anyone.request("POST", "/auth/login", content=content, headers={"content-type": media})
    assert answered.status_code == status
    assert answered.json()["error"]


def test_after_signing_out_the_token_stops_working(salon: Salon) -> None:
    ana = salon.make_customer()
    other = salon.sign_in(ana.email)
    answered = ana.api.delete("/auth/logout")
    assert (answered.status_code, list(answered.json())) == (200, ["message"])
    assert is_problem(ana.api.get("/profile"), 401, "unauthenticated")
    assert is_problem(ana.api.delete("/auth/logout"), 401, "unauthenticated")
    assert other.api.get("/profile").status_code == 200


def test_signing_out_takes_a_token(salon: Salon) -> None:
    assert is_problem(salon.anyone.delete("/auth/logout"), 401, "unauthenticated")


def test_signing_out_and_a_new_role_reach_every_replica(salon: Salon, replicas: tuple[Site, Site]) -> None:
    service, day = salon.make_service(), salon.open_day()
    ana, staff = salon.make_customer(), salon.make_staff()
    for site in replicas:
        there = salon.through(Front(site))
        assert there.anyone.bearing(ana.api.token).get("/appointments/me").status_code == 200
        assert there.anyone.bearing(staff.api.token).get("/appointments").status_code == 200
    ana.api.delete("/auth/logout")
    assert salon.admin.api.put(f"/auth/users/{staff.id}/role", {"role": "customer"}).status_code == 200
    for site in replicas:
        there = salon.through(Front(site))
        for token, path in ((ana.api.token, "/appointments/me"), (staff.api.token, "/appointments")):
            api = there.anyone.bearing(token)
            until(lambda api=api, path=path: api.get(path).status_code == 401, SEEN_BY_ALL)  # type: ignore[misc]
            body = {"service_id": service, "date": day, "time": "09:00"}
            assert api.post("/appointments", body).status_code == 401


def test_an_admin_sets_roles_and_a_new_sign_in_has_the_new_one(salon: Salon) -> None:
    ana = salon.make_customer()
    assert is_problem(ana.api.get("/appointments"), 403, "role_not_allowed")
    answered = salon.admin.api.put(f"/auth/users/{ana.id}/role", {"role": "staff"})
    assert (answered.status_code, list(answered.json())) == (200, ["message"])
    assert salon.sign_in(ana.email).api.get("/appointments").status_code == 200


def test_only_admins_list_users_and_set_roles(salon: Salon) -> None:
    ana, staff = salon.make_customer(), salon.make_staff()
    for person in (ana, staff):
        assert is_problem(person.api.get("/auth/users"), 403, "role_not_allowed")
        assert is_problem(person.api.put(f"/auth/users/{ana.id}/role", {"role": "admin"}), 403, "role_not_allowed")
    assert is_problem(salon.anyone.get("/auth/users"), 401, "unauthenticated")


def test_a_role_must_be_one_and_its_user_must_exist(salon: Salon) -> None:
    ana = salon.make_customer()
    assert is_problem(salon.admin.api.put(f"/auth/users/{ana.id}/role", {"role": "owner"}), 422, "invalid")
    assert is_problem(salon.admin.api.put(f"/auth/users/{2**62}/role", {"role": "staff"}), 404, "not_found")
    assert is_problem(salon.admin.api.put(f"/auth/users/{10**30}/role", {"role": "staff"}), 404, "not_found")


def test_an_admin_who_gives_up_the_role_keeps_the_session_but_not_the_right(salon: Salon) -> None:
    once = salon.make_staff("admin")
    assert once.api.put(f"/auth/users/{once.id}/role", {"role": "customer"}).status_code == 200
    assert is_problem(once.api.get("/auth/users"), 403, "role_not_allowed")
    assert once.api.get("/profile").json()["role"] == "customer"


def test_users_are_listed_page_by_page_without_passwords(salon: Salon) -> None:
    made = [salon.make_customer().id for _ in range(3)]
    first = salon.admin.api.get("/auth/users", {"limit": 2})
    assert len(first.json()) == 2
    assert 'rel="next"' in first.headers["link"]
    seen, page = ids(first.json()), first
    while "next" in page.links:
        page = salon.admin.api.get(page.links["next"]["url"])
        seen += ids(page.json())
    assert seen == sorted(set(seen))
    assert set(made) <= set(seen)
    assert ids(salon.admin.api.get("/auth/users").json()) == seen
    assert all(set(user) == {"id", "name", "email", "role"} for user in first.json())


def test_a_cursor_of_another_list_and_a_forged_one_are_refused(salon: Salon) -> None:
    page = salon.admin.api.get("/auth/users", {"limit": 1})
    cursor = page.links["next"]["url"].partition("cursor=")[2].partition("&")[0]
    assert is_problem(salon.admin.api.get(f"/appointments?cursor={cursor}"), 400, "bad_cursor")
    assert is_problem(salon.admin.api.get("/auth/users", {"cursor": "forged"}), 400, "bad_cursor")


def test_published_keys_check_the_tokens_and_have_no_private_part(salon: Salon) -> None:
    answered = salon.anyone.get("/auth/.well-known/jwks.json")
    keys = answered.json()["keys"]
    assert keys
    assert all(key["kty"] == "EC" and key["crv"] == "P-256" and "d" not in key for key in keys)
    header = salon.make_customer().api.token or ""
    kid = json.loads(base64.urlsafe_b64decode(header.split(".")[0] + "=="))["kid"]
    assert kid in {key["kid"] for key in keys}


def test_the_same_registration_with_one_key_is_one_registration(salon: Salon) -> None:
    body, key = {"name": "Ana", "email": address(), "password": PASSWORD}, {"idempotency-key": unique()}
    first, again = (salon.anyone.post("/auth/register", body, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()


def test_an_unknown_path_and_a_wrong_method_are_problems_too(salon: Salon) -> None:
    assert is_problem(salon.anyone.get("/auth/nothing"), 404, "not_found")
    answered = salon.anyone.get("/auth/login")
    assert is_problem(answered, 405, "method_not_allowed")
    assert answered.headers["allow"] == "POST"
