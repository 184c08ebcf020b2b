"""T14, T16, T29: what each kind of caller gets from every public route, against the table in `expected`."""

from collections.abc import Iterator

import httpx2
import pytest
from starlette.routing import Route
from tests.security.expected import PUBLIC, ROWS, WHO, Row
from tests.security.stage import Stage, body_of, free_times, path_of, tidied
from tests.support.processes import Site
from tests.support.salon import Salon
from tests.web.test_openapi import declared, public_routes

from bookmeup.web.operations import Anyone
from bookmeup.web.principal import SignedIn

KEPT_BY_CACHES = {"/auth/.well-known/jwks.json", "/static/{name}", "/openapi.json"}
COOKIE_PAGES = ("/my", "/book", "/sign", "/auth/sign", "/auth/renew")


@pytest.fixture(scope="module")
def stage(salon: Salon, roles: Site) -> Iterator[Stage]:
    people = {
        "A": salon.make_customer("A"), "B": salon.make_customer("B"), "staff": salon.make_staff(),
        "admin": salon.make_staff("admin"),
    }  # fmt: skip
    approved = salon.make_service(needs_approval=True)
    yield Stage(salon, roles.database, people, salon.make_service(), approved, free_times(salon).__next__)
    tidied(roles.database)


def test_every_public_route_has_a_row() -> None:
    routes = {(declared(route).method, route.path_format) for route in public_routes()}
    assert routes == {(row.method, row.path) for row in ROWS}


def test_what_is_public_is_so_by_decision() -> None:
    """Who is let in by the code is who is let in by the table."""
    for route in public_routes():
        assert isinstance(route, Route)
        operation = declared(route)
        place = (operation.method, route.path_format)
        if isinstance(operation.access, SignedIn):
            assert place not in PUBLIC, place
        else:
            assert isinstance(operation.access, Anyone), place
            assert place in PUBLIC or operation.hidden, place


def asked(row: Row, who: str, stage: Stage) -> httpx2.Response:
    person = stage.people.get(who)
    path, body = path_of(row, who, stage), body_of(row, stage)
    if row.path == "/auth/logout" and person is not None:  # a session of its own: the others go on
        person = stage.salon.sign_in(person.email)
    api = stage.salon.anyone if person is None else person.api
    if row.path.startswith(COOKIE_PAGES):
        cookie = {} if person is None else {"cookie": f"bookmeup={person.api.token}"}
        form = {"content-type": "application/x-www-form-urlencoded"} if row.method == "POST" else {}
        return stage.salon.anyone.request(row.method, path, headers={**cookie, **form})
    return api.request(row.method, path, json=body)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path} {row.of}")
def test_each_caller_gets_what_the_table_says(row: Row, who: str, stage: Stage) -> None:
    answered = asked(row, who, stage)
    assert answered.status_code == row.statuses[who], answered.text[:500]
    if answered.status_code >= 400:
        assert answered.headers["content-type"].startswith(("application/problem+json", "text/html"))
    if row.path not in KEPT_BY_CACHES:
        assert answered.headers["cache-control"] == "no-store"  # T29
