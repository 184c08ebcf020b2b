"""T14, T16, T29: what each kind of caller gets from every public route, against the table in `expected`."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import httpx2
import pytest
from starlette.routing import Route
from tests.security.expected import PUBLIC, ROWS, WHO, Row
from tests.support.salon import PASSWORD, Person, Salon, made, order, unique
from tests.web.test_openapi import declared, public_routes

from bookmeup.web.operations import Anyone
from bookmeup.web.principal import SignedIn

TIMES = [f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in (0, 30)]
KEPT_BY_CACHES = {"/auth/.well-known/jwks.json", "/static/{name}", "/openapi.json"}
COOKIE_PAGES = ("/my", "/book", "/sign", "/auth/sign", "/auth/renew")


_far = itertools.count(1000)


def far_day() -> str:
    """Return a date beyond all horizons: the salon's own days are few."""
    return (datetime.now(UTC).date() + timedelta(days=next(_far))).isoformat()


class Stage(NamedTuple):
    """A business, and one of each kind of caller."""

    salon: Salon
    people: dict[str, Person]
    service: int
    free: Callable[[], tuple[str, str]]

    def appointment(self, owner: str) -> int:
        return self.salon.book(self.people[owner], self.service, *self.free())


@pytest.fixture(scope="module")
def stage(salon: Salon) -> Stage:
    people = {
        "A": salon.make_customer("A"), "B": salon.make_customer("B"), "staff": salon.make_staff(),
        "admin": salon.make_staff("admin"),
    }  # fmt: skip
    return Stage(salon, people, salon.make_service(), free_times(salon).__next__)


def free_times(salon: Salon) -> Iterator[tuple[str, str]]:
    """Yield days and times that nobody has booked; a day is opened when it is needed."""
    while True:
        day = salon.open_day("00:00", "24:00")
        yield from ((day, time) for time in TIMES)


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


def body_of(row: Row, stage: Stage) -> dict[str, object] | None:
    day, time = stage.free() if "appointments" in row.path and row.method in ("POST", "PUT") else ("", "")
    bodies: dict[tuple[str, str], Callable[[], dict[str, object]]] = {
        ("POST", "/auth/register"): lambda: {"name": "New", "email": f"{unique()}@new.example", "password": PASSWORD},
        ("POST", "/auth/login"): lambda: {"email": stage.people["B"].email, "password": PASSWORD},
        ("PUT", "/auth/users/{id}/role"): lambda: {"role": "customer"},
        ("PUT", "/profile"): lambda: {"name": "Renamed"},
        ("POST", "/services"): lambda: {"name": f"S {unique()}", "price": "1 EUR", "duration": 10},
        ("PUT", "/services/{id}"): lambda: {"price": "2 EUR"},
        ("POST", "/appointments"): lambda: order(stage.service, day, time),
        ("PUT", "/appointments/{id}"): lambda: {"date": day, "time": time},
        ("PUT", "/appointments/me/{id}"): lambda: {"date": day, "time": time},
        ("PUT", "/location"): lambda: {"address": "Here"},
        ("POST", "/providers"): lambda: {"name": f"P {unique()}", "services": []},
        ("PUT", "/providers/{id}"): lambda: {"name": f"P {unique()}"},
        ("POST", "/availability"): lambda: {
            "date": far_day(),
            "start_time": "09:00",
            "end_time": "10:00",
        },
    }
    make = bodies.get((row.method, row.path))
    return make() if make else None


def path_of(row: Row, who: str, stage: Stage) -> str:
    """Return the path with an object of its owner in it, made for this request."""
    path = row.path
    if path in ("/available-timeslots", "/book/{id}/confirm"):
        day, time = stage.free()
        query = f"?date={day}&service_id={stage.service}" if "slots" in path else f"?date={day}&time={time}"
        return path.replace("{id}", str(stage.service)) + query
    path = path.replace("{date}", far_day()).replace("{name}", "bookmeup.css")
    return path.replace("{id}", str(object_of(row, who, stage))) if "{id}" in path else path


def object_of(row: Row, who: str, stage: Stage) -> int:
    salon, kind = stage.salon, row.path.split("/")[1]
    owner = {"A's": "A", "staff's": "staff", "own": who if who != "anonymous" else "A"}.get(row.of, "A")
    span = {"date": far_day(), "start_time": "09:00", "end_time": "10:00"}
    make: dict[str, Callable[[], int]] = {
        "appointments": lambda: stage.appointment(owner),
        "my": lambda: stage.appointment(owner),
        "auth": lambda: salon.make_customer().id,
        "providers": lambda: salon.make_provider(services=[]),
        "availability": lambda: made(salon.admin.api.post("/availability", span)),
        "services": salon.make_service,
        "book": lambda: stage.service,
    }
    return make[kind]()


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
