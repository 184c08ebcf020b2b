"""The five faults of the old services. Each test fails on what they did."""

import json
import re
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text
from tests.support.api import Shot, volley
from tests.support.databases import engine
from tests.support.processes import KEYS, Site
from tests.support.salon import PASSWORD, Salon, order, unique

from bookmeup import settings
from bookmeup.settings import SettingsError

SOURCE = Path(__file__).parents[2] / "src" / "bookmeup"
OLD_ROUTES = ["/users", "/users/1", "/users/email/admin@bookmeup.example", "/appointments", "/availability/2027-01-01"]


@pytest.mark.parametrize("path", OLD_ROUTES)
def test_db_answers_nobody_without_a_service_s_token(path: str, roles: Site, client: httpx2.Client) -> None:
    answered = client.get(roles.db.url + path)
    assert answered.status_code in (401, 404, 405)
    assert "admin@bookmeup.example" not in answered.text


def test_a_hash_leaves_db_for_auth_s_login_alone(roles: Site, client: httpx2.Client, salon: Salon) -> None:
    for path in ("/auth/users", "/profile", f"/users/email/{salon.admin.email}", "/users/email/x"):
        for site in (roles.logic, roles.auth, roles.db):
            answered = client.get(site.url + path, headers=salon.admin.api.headers)
            assert "argon2" not in answered.text
            assert '_hash"' not in answered.text  # users of other tests may be named for hashes


@pytest.mark.parametrize("role", ["staff", "admin", "ADMIN", "root", "", "customer ", "0"])
def test_nobody_gives_himself_a_role(role: str, roles: Site, salon: Salon) -> None:
    email = f"{unique()}@sly.example"
    body = {"name": "Sly", "email": email, "password": PASSWORD, "role": role}
    answered = salon.anyone.post("/auth/register", body)
    assert (answered.status_code, answered.json()["code"]) == (403, "role_not_allowed")
    with engine(roles.database).connect() as connection:
        count = text("SELECT count(*) FROM users WHERE lower(email) = lower(:email)")
        assert connection.execute(count, {"email": email}).scalar_one() == 0


def test_the_role_of_a_customer_may_be_said(salon: Salon) -> None:
    email = f"{unique()}@plain.example"
    body = {"name": "Plain", "email": email, "password": PASSWORD, "role": "customer"}
    assert salon.anyone.post("/auth/register", body).status_code == 201
    assert salon.anyone.post("/auth/login", {"email": email, "password": PASSWORD}).json()["user"]["role"] == "customer"


@pytest.mark.parametrize("name", KEYS)
def test_no_secret_has_a_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*KEYS, "DATABASE_URL", "POSTGRES_PASSWORD"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("BOOKMEUP_CONTAINER", "1")
    with pytest.raises(SettingsError, match=f"{name} is missing"):
        settings.load("all")


def test_no_secret_stands_in_the_source() -> None:
    suspicious = re.compile(r"""(?:secret|key|password)\w*\s*=\s*["']([A-Za-z0-9+/=_-]{16,})["']""", re.IGNORECASE)
    name_of_a_variable = re.compile("[A-Z_]+")
    allowed = {"bookmeup-secrets"}
    for path in SOURCE.rglob("*.py"):
        found = [
            each
            for each in suspicious.findall(path.read_text())
            if each not in allowed and not name_of_a_variable.fullmatch(each)
        ]
        assert found == [], path


def test_a_slot_is_sold_once_however_many_ask_at_once(salon: Salon) -> None:
    service, day = salon.make_service(), salon.open_day()
    customers = [salon.make_customer() for _ in range(8)]
    answers = volley(
        [Shot(one.api, "POST", "/appointments", order(service, day)) for one in customers for _ in range(2)]
    )
    assert sorted(each.status for each in answers) == [201] + [409] * 15
    codes = {json.loads(each.body)["code"] for each in answers if each.status == 409}
    assert codes == {"slot_taken"}
