"""T10: the engine's routes say what they do not know, and a customer names nobody but himself."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import pytest
from sqlalchemy import text
from tests.security.stage import free_times, instants, wished
from tests.security.test_mass_assignment import COLUMNS
from tests.support.databases import engine
from tests.support.processes import Site
from tests.support.salon import Person, Salon, made, order, unique


class Cast(NamedTuple):
    """A customer, an object of each kind that is changed, and times that nobody has booked."""

    salon: Salon
    customer: Person
    service: int
    provider: int
    free: Callable[[], tuple[str, str]]


@pytest.fixture(scope="module")
def cast(salon: Salon) -> Cast:
    free = free_times(salon).__next__
    return Cast(salon, salon.make_customer(), salon.make_service(), salon.make_provider(services=[]), free)


def visit(cast: Cast) -> dict[str, object]:
    day, time = cast.free()
    return {"date": day, "time": time, "services": [{"service_id": cast.service}]}


PEOPLE = {"user_id", "customer"}
LOCATION = {"locale", "currency", "address"}
RESOURCE = {"type", "location_id"}
STRICT: dict[str, tuple[Callable[[Cast], dict[str, object]], set[str]]] = {
    "POST /holds": (lambda cast: order(cast.service, *cast.free()), {"location_id", "addons"}),
    "POST /series": (
        lambda cast: order(cast.service, *cast.free(), rule="FREQ=DAILY;COUNT=1"),
        {"location_id", "addons", "rule", *PEOPLE},
    ),
    "POST /visits": (visit, {"location_id", *PEOPLE}),
    "POST /waitlist": (
        lambda cast: wished(cast.service),
        {"location_id", "first_date", "last_date", "weekdays", *PEOPLE},
    ),
    "POST /services/{service}/addons": (lambda _: {"name": "Mask"}, set()),
    "PUT /services/{service}/addons/1": (lambda _: {"name": "Mask"}, set()),
    "PUT /location": (lambda _: {"name": "Place"}, LOCATION),
    "POST /locations": (lambda _: {"name": "Place"}, LOCATION),
    "PUT /locations/1": (lambda _: {"name": "Place"}, LOCATION),
    "POST /closures": (lambda _: instants(), {"starts_at", "ends_at", "reason", "location_id"}),
    "POST /resources": (lambda _: {"name": "Chair", "type": "chair"}, RESOURCE),
    "PUT /resources/1": (lambda _: {"name": "Chair"}, RESOURCE),
    "POST /providers": (lambda _: {"name": "P", "services": []}, {"location_id"}),
    "PUT /providers/{provider}": (lambda _: {"name": "P"}, {"location_id"}),
    "PUT /providers/{provider}/days/2099-01-01": (lambda _: {"intervals": []}, set()),
    "POST /providers/{provider}/time-off": (lambda _: instants(), {"starts_at", "ends_at", "reason"}),
}
"""A body that is right, and the names of columns that it may hold besides."""


@pytest.mark.parametrize("route", STRICT)
def test_a_column_that_is_not_the_body_s_is_refused_by_its_name(route: str, cast: Cast) -> None:
    method, path = route.format(service=cast.service, provider=cast.provider).split(" ")
    body, own = STRICT[route][0](cast), STRICT[route][1]
    for name in COLUMNS.keys() - own:
        answered = cast.salon.admin.api.request(method, path, json={**body, name: COLUMNS[name]})
        assert answered.status_code == 422, (name, answered.text)
        assert {"pointer": f"/{name}", "detail": "is not known here"} in answered.json()["errors"]


MADE = {
    "/series": ("series", "SELECT customer_id FROM appointments WHERE series_id = :id"),
    "/visits": ("visits", "SELECT customer_id FROM appointments WHERE visit_id = :id"),
    "/waitlist": ("waitlist", "SELECT customer_id FROM waitlist WHERE id = :id"),
}


@pytest.mark.parametrize(
    ("path", "other"),
    list(itertools.product(MADE, [{"user_id": 1}, {"customer": {"name": "X", "email": "x@y.example"}}])),
)
def test_a_customer_names_nobody_but_himself(path: str, other: dict[str, object], cast: Cast, roles: Site) -> None:
    body = STRICT[f"POST {path}"][0](cast)
    identity = made(cast.customer.api.post(path, {**body, **other}, headers={"idempotency-key": unique()}))
    table, parts = MADE[path]
    with engine(roles.database).connect() as connection:
        owner = connection.scalar(text(f"SELECT customer_id FROM {table} WHERE id = :id"), {"id": identity})  # noqa: S608 - our own names
        assert owner == cast.customer.id
        assert set(connection.scalars(text(parts), {"id": identity})) == {cast.customer.id}
