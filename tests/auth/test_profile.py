"""One's own profile, which logic serves."""

import pytest
from tests.support.salon import Salon, is_problem, unique


def test_a_profile_is_the_user(salon: Salon) -> None:
    ana = salon.make_customer("Ana")
    assert ana.api.get("/profile").json() == {"id": ana.id, "name": "Ana", "email": ana.email, "role": "customer"}


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_profile_takes_a_token(salon: Salon, method: str) -> None:
    body = None if method == "GET" else {"name": "Ana"}
    assert is_problem(salon.anyone.request(method, "/profile", json=body), 401, "unauthenticated")


def test_each_member_is_changed_by_itself(salon: Salon) -> None:
    ana, email = salon.make_customer("Ana"), f"{unique()}@customers.example"
    answered = ana.api.put("/profile", {"name": "Ana Pop"})
    assert (answered.status_code, list(answered.json())) == (200, ["message"])
    assert ana.api.put("/profile", {"email": email}).status_code == 200
    assert ana.api.get("/profile").json() == {"id": ana.id, "name": "Ana Pop", "email": email, "role": "customer"}
    assert salon.sign_in(email).id == ana.id


def test_a_new_password_works_the_old_one_does_not_and_other_sessions_end(salon: Salon) -> None:
    ana = salon.make_customer()
    elsewhere = salon.sign_in(ana.email)
    assert ana.api.put("/profile", {"password": "another horse"}).status_code == 200
    assert is_problem(elsewhere.api.get("/profile"), 401, "unauthenticated")
    assert ana.api.get("/profile").status_code == 200
    assert salon.sign_in(ana.email, "another horse").id == ana.id
    old = {"email": ana.email, "password": "correct horse battery"}
    assert is_problem(salon.anyone.post("/auth/login", old), 401, "wrong_credentials")


def test_somebody_elses_address_is_taken(salon: Salon) -> None:
    ana, ion = salon.make_customer(), salon.make_customer()
    assert is_problem(ion.api.put("/profile", {"email": ana.email.upper()}), 409, "email_taken")
    assert ion.api.get("/profile").json()["email"] == ion.email


def test_a_role_in_the_profile_is_not_obeyed(salon: Salon) -> None:
    ana = salon.make_customer()
    ana.api.put("/profile", {"name": "Ana", "role": "admin", "id": 1})
    assert ana.api.get("/profile").json()["role"] == "customer"


def test_all_faults_are_told(salon: Salon) -> None:
    ana = salon.make_customer()
    answered = ana.api.put("/profile", {"name": "", "email": "x", "password": ""})
    assert is_problem(answered, 422, "invalid")
    assert {fault["pointer"] for fault in answered.json()["errors"]} == {"/name", "/email", "/password"}
    answered = ana.api.put("/profile", {"password": "x" * 1025})
    assert is_problem(answered, 422, "invalid")
