"""T12, T13, T34: db answers its two callers alone, each on its own routes, on behalf of the user the token names."""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from starlette.routing import Route
from tests.support.databases import engine
from tests.support.processes import KEYS, Site
from tests.support.salon import Salon
from tests.web.forging import SID, claims, header, hs, unsigned

from bookmeup.clients.service_tokens import ServiceTokens, key_id
from bookmeup.db.app import create_app
from bookmeup.db.callers import Callers
from bookmeup.web.operations import Operation
from bookmeup.web.tokens import SERVICE

SERVICES = ("auth", "logic")
KEY = {"auth": KEYS["AUTH_SERVICE_KEY"], "logic": KEYS["LOGIC_SERVICE_KEY"]}
OTHER = {"auth": "logic", "logic": "auth"}
PROBES = {"/livez", "/readyz"}
MAY_CALL = {
    "auth": {
        "POST /users", "GET /users", "PUT /users/{id}/role", "POST /admins", "PUT /passwords", "POST /login-attempts",
        "POST /registration-attempts",
        "POST /sessions", "GET /users/{user}/sessions/{sid}", "DELETE /users/{user}/sessions/{sid}",
        "GET /signing-keys", "POST /signing-keys",
    },
    "logic": {
        "GET /users/me", "PUT /users/me",
        "GET /services", "GET /services/all", "GET /services/{id}", "POST /services", "PUT /services/{id}",
        "DELETE /services/{id}",
        "GET /services/{id}/addons", "POST /services/{id}/addons", "PUT /services/{id}/addons/{addon}",
        "DELETE /services/{id}/addons/{addon}",
        "POST /appointments", "GET /appointments", "GET /appointments/mine", "GET /appointments/{id}",
        "PUT /appointments/{id}", "DELETE /appointments/{id}", "PUT /appointments/mine/{id}",
        "DELETE /appointments/mine/{id}", "GET /appointments/{id}/history",
        "POST /appointments/{id}/confirm", "POST /appointments/{id}/decline", "POST /appointments/{id}/complete",
        "POST /appointments/{id}/no-show",
        "POST /holds", "DELETE /holds/{id}",
        "POST /series", "GET /series/{id}", "DELETE /series/{id}",
        "GET /visit-slots", "POST /visits", "GET /visits/{id}", "DELETE /visits/{id}",
        "POST /waitlist", "GET /waitlist", "DELETE /waitlist/{id}",
        "GET /offers", "POST /offers/{id}/accept", "POST /offers/{id}/decline",
        "GET /dead-letters", "POST /dead-letters/{id}/replay",
        "GET /slots", "GET /slots/days", "GET /slots/next", "GET /slots/verdicts",
        "GET /location", "PUT /location", "GET /locations", "POST /locations", "PUT /locations/{id}",
        "GET /closures", "POST /closures", "DELETE /closures/{id}",
        "GET /resources", "POST /resources", "PUT /resources/{id}", "DELETE /resources/{id}",
        "GET /providers", "POST /providers", "PUT /providers/{id}", "DELETE /providers/{id}",
        "GET /providers/{id}/days/{date}", "PUT /providers/{id}/days/{date}", "DELETE /providers/{id}/days/{date}",
        "GET /providers/{id}/time-off", "POST /providers/{id}/time-off",
        "DELETE /providers/{id}/time-off/{time_off}",
        "GET /availability", "POST /availability", "DELETE /availability/{id}",
    },
}  # fmt: skip
APP = create_app("postgresql+psycopg2://nobody@nowhere/nothing", {"auth": [KEY["auth"]], "logic": [KEY["logic"]]})


def operations() -> Iterator[tuple[str, Operation]]:
    for route in APP.routes:
        assert isinstance(route, Route), f"{route} is no route: nobody says who may call it"
        operation = getattr(route.endpoint, "operation", None)
        assert isinstance(operation, Operation), route.path
        yield route.path_format, operation


ROUTES = {f"{operation.method} {path}": operation for path, operation in operations() if path not in PROBES}


def test_each_route_has_its_caller_and_no_other() -> None:
    assert set(ROUTES) == MAY_CALL["auth"] | MAY_CALL["logic"]
    for name, operation in ROUTES.items():
        access = operation.access
        assert isinstance(access, Callers)
        assert access._services == {who for who in SERVICES if name in MAY_CALL[who]}, name  # noqa: SLF001 - who is let in


def caller_of(name: str) -> str:
    return next(who for who in SERVICES if name in MAY_CALL[who])


def minted(service: str, *, key: str | None = None, **more: Any) -> str:
    signed = key or KEY[service]
    return hs(
        signed.encode(), header(key_id(signed), SERVICE), claims(SERVICE, service, **{"sub": "1", "sid": SID, **more})
    )


def aged(service: str, seconds: int, life: int = 60) -> str:
    then = int(time.time()) - seconds
    return minted(service, iat=then, nbf=then, exp=then + life)


REFUSED: dict[str, tuple[int, Callable[[str], str | None]]] = {
    "no token": (401, lambda _: None),
    "nonsense": (401, lambda _: "Bearer nonsense"),
    "empty": (401, lambda _: "Bearer"),
    "another scheme": (401, lambda who: "Basic " + minted(who)),
    "the other caller's": (403, lambda who: "Bearer " + minted(OTHER[who])),
    "the other caller's key, this caller's name": (401, lambda who: "Bearer " + minted(who, key=KEY[OTHER[who]])),
    "a key of nobody's": (401, lambda who: "Bearer " + minted(who, key="n" * 40)),
    "61 seconds old": (401, lambda who: "Bearer " + aged(who, 61)),
    "an hour old": (401, lambda who: "Bearer " + aged(who, 3600)),
    "an hour of life": (401, lambda who: "Bearer " + aged(who, 0, 3600)),
    "from the future": (401, lambda who: "Bearer " + aged(who, -60)),
    "without expiry": (401, lambda who: "Bearer " + minted(who, exp=None)),
    "another audience": (401, lambda who: "Bearer " + minted(who, aud="bookmeup")),
    "alg none": (401, lambda who: "Bearer " + unsigned(header("x", SERVICE, alg="none"), claims(SERVICE, who))),
    "a user's secret": (401, lambda who: "Bearer " + minted(who, key=KEYS["JWT_SECRET_KEY"])),
}


def url_of(site: Site, name: str) -> tuple[str, str]:
    method, path = name.split(" ")
    values = {"sid": str(uuid.uuid4()), "date": "2030-01-01"}
    filled = re.sub(r"\{(\w+)\}", lambda name: values.get(name[1], "1"), path)
    return method, site.db.url + filled


def call(
    site: Site, client: httpx2.Client, name: str, authorization: str | None, body: object = None
) -> httpx2.Response:
    method, url = url_of(site, name)
    headers = {} if authorization is None else {"authorization": authorization}
    return client.request(method, url, headers=headers, json=body if body is not None else {})


@pytest.mark.parametrize("why", REFUSED)
def test_every_route_refuses_whoever_may_not_call(why: str, roles: Site, client: httpx2.Client) -> None:
    status, token = REFUSED[why]
    for name in ROUTES:
        answered = call(roles, client, name, token(caller_of(name)))
        assert answered.status_code == status, f"{name}: {answered.text}"


def test_a_user_s_token_opens_nothing(roles: Site, client: httpx2.Client, salon: Salon) -> None:
    for name in ROUTES:
        assert call(roles, client, name, f"Bearer {salon.admin.api.token}").status_code == 401


def test_the_controls_are_let_in(roles: Site, client: httpx2.Client) -> None:
    """The refusals above are for the token and nothing else."""
    assert call(roles, client, "GET /services", "Bearer " + minted("logic", sub=None, sid=None)).status_code == 200
    assert (
        call(roles, client, "GET /signing-keys", "Bearer " + aged("auth", 50)).status_code == 401
    )  # user 1 has no such session
    issued = ServiceTokens("auth", [KEY["auth"]]).issue(None, None)
    assert call(roles, client, "GET /signing-keys", f"Bearer {issued}").status_code == 200


def test_db_is_behind_no_public_path(everything: Site, client: httpx2.Client) -> None:
    """The role `all` has no way to db from outside, with a service token neither."""
    for path in (
        "/users",
        "/users/email/x@y",
        "/users/me",
        "/login-attempts",
        "/signing-keys",
        "/sessions",
        "/slots",
        "/admins",
    ):
        for method in ("GET", "POST", "PUT"):
            token = {"authorization": "Bearer " + minted("auth")}
            assert client.request(method, everything.logic.url + path, headers=token).status_code == 404, path


LOGIC, AUTH, OUTBOX = "bookmeup_logic", "bookmeup_auth", "bookmeup_outbox"
FORBIDDEN = [
    (LOGIC, "SELECT hash FROM passwords"), (LOGIC, "SELECT * FROM signing_keys"),
    (LOGIC, "INSERT INTO signing_keys VALUES ('a')"),
    (LOGIC, "UPDATE users SET role = 'admin'"), (LOGIC, "DELETE FROM users"), (LOGIC, "DELETE FROM appointments"),
    (LOGIC, "DELETE FROM passwords"), (LOGIC, "CREATE TABLE t (i int)"), (LOGIC, "TRUNCATE appointments"),
    (AUTH, "SELECT * FROM appointments"), (AUTH, "UPDATE appointments SET status = 'cancelled'"),
    (AUTH, "DELETE FROM users"), (OUTBOX, "SELECT hash FROM passwords"), (OUTBOX, "SELECT * FROM signing_keys"),
    (OUTBOX, "UPDATE users SET role = 'admin'"),
    *((role, f"{verb} audit_log{rest}") for role in (LOGIC, AUTH, OUTBOX)
      for verb, rest in (("UPDATE", " SET action = 'x'"), ("DELETE FROM", ""), ("TRUNCATE", ""))),
]  # fmt: skip


@pytest.mark.parametrize(("role", "statement"), FORBIDDEN)
def test_a_transaction_s_role_may_not(role: str, statement: str, roles: Site) -> None:
    with engine(roles.database).connect() as connection:
        connection.execute(text(f"SET LOCAL ROLE {role}"))
        with pytest.raises(ProgrammingError) as refused:
            connection.execute(text(statement))
        assert getattr(refused.value.orig, "pgcode", None) == "42501"


def test_columns_are_granted_one_by_one(roles: Site) -> None:
    asked = [
        (LOGIC, "passwords", "hash", "SELECT"), (LOGIC, "users", "role", "UPDATE"),
        (LOGIC, "signing_keys", "sealed", "SELECT"), (OUTBOX, "passwords", "hash", "SELECT"),
        (AUTH, "appointments", "customer_id", "SELECT"),
    ]  # fmt: skip
    with engine(roles.database).connect() as connection:
        query = text("SELECT has_column_privilege(:role, :table, :column, :right)")
        for role, table, column, right in asked:
            values = {"role": role, "table": table, "column": column, "right": right}
            assert connection.execute(query, values).scalar_one() is False, values
        allowed = {"role": AUTH, "table": "passwords", "column": "hash", "right": "SELECT"}
        assert connection.execute(query, allowed).scalar_one() is True
