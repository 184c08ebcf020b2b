"""T10: what a body may not set, it does not set. Each writable route, each column's name, the database looked at."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text
from tests.security.stage import free_times, span
from tests.support.databases import engine
from tests.support.processes import Site
from tests.support.salon import PASSWORD, Person, Salon, order, unique

from bookmeup.db.tables import metadata

COLUMNS: dict[str, object] = {
    "id": 999_999, "user_id": 1, "customer_id": 1, "provider": 1, "status": "completed", "price_minor": 1,
    "currency": "USD",
    "is_active": False, "role": "admin", "is_default": True, "performs_all": True, "retired_at": "2020-01-01T00:00:00Z",
    "created_at": "2020-01-01T00:00:00Z", "cancelled_at": "2020-01-01T00:00:00Z", "version": 99, "seat_no": 7,
    "seats": 9,
    "capacity": 50, "occurrence_id": 1, "password_hash": "x", "hash": "x", "contact_email": "x@y.example", "sid": "x",
    "ended_at": None, "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-01T00:00:00Z", "catalogue_version": 1,
    "idempotency_key": "x", "address": "10.0.0.0/24", "phone": "+40721000000", "customer": {"name": "X",
    "email": "x@y.example"},
    "locale": "xx", "category": "X", "segments": [10, 10, 10], "needs_approval": True, "is_hidden": True,
    "marks_late": True, "resource_type": "chair", "location_id": 1, "reason": "x", "type": "x",
    "rule": "FREQ=DAILY;COUNT=9", "minutes": [0, 1440], "first_date": "2020-01-01", "last_date": "2020-01-01",
    "weekdays": [1], "addons": [1], "hold_until": "2099-01-01T00:00:00Z", "is_late": True, "cancel_reason": "x",
    "series_id": 1, "visit_id": 1, "waitlist_id": 1, "appointment_id": 1, "expires_at": "2099-01-01T00:00:00Z",
    "__proto__": {"role": "admin"}, "constructor": "x", "actor": 1, "sub": "1", "resource_id": 1, "during": "empty",
}  # fmt: skip


class Write(NamedTuple):
    """A request that anybody may make whose row is `table`'s; `own` are the members that it may set."""

    table: str
    own: frozenset[str]
    send: Callable[["Cast", Mapping[str, object]], tuple[int, int | None]]


class Cast(NamedTuple):
    salon: Salon
    customer: Person
    staff: Person
    service: int
    free: Callable[[], tuple[str, str]]


def posted(person: Person, path: str, body: Mapping[str, object]) -> tuple[int, int | None]:
    answered = person.api.post(path, body)
    return answered.status_code, answered.json().get("object_id")


def put(person: Person, path: str, identity: int, body: Mapping[str, object]) -> tuple[int, int | None]:
    return person.api.put(path, body).status_code, identity


def registered(cast: Cast, more: Mapping[str, object]) -> tuple[int, int | None]:
    email = f"{unique()}@mass.example"
    body = {"name": "M", "email": email, "password": PASSWORD, **more}
    status = cast.salon.anyone.post("/auth/register", body).status_code
    return status, None if status != 201 else cast.salon.sign_in(email).id


OF_SERVICES = frozenset(
    {"capacity", "category", "segments", "needs_approval", "is_hidden", "marks_late", "resource_type"}
)
WRITES: dict[str, Write] = {
    "POST /auth/register": Write("users", frozenset({"role"}), registered),
    "PUT /profile": Write(
        "users", frozenset(), lambda c, m: put(c.customer, "/profile", c.customer.id, {"name": "M", **m})
    ),
    "POST /services": Write(
        "services",
        OF_SERVICES,
        lambda c, m: posted(c.staff, "/services", {"name": "M", "price": "5 EUR", "duration": 5, **m}),
    ),
    "PUT /services/{id}": Write(
        "services", OF_SERVICES, lambda c, m: put(c.staff, f"/services/{c.service}", c.service, {"duration": 30, **m})
    ),
    "POST /availability": Write(
        "availability", frozenset(), lambda c, m: posted(c.staff, "/availability", {**span(), **m})
    ),
    "POST /providers": Write("providers", frozenset(), lambda c, m: posted(c.staff, "/providers", {"name": "M", **m})),
}


@pytest.fixture(scope="module")
def cast(salon: Salon) -> Cast:
    free = free_times(salon).__next__
    return Cast(salon, salon.make_customer(), salon.make_staff(), salon.make_service(), free)


def row(site: Site, table: str, identity: int) -> dict[str, Any]:
    with engine(site.database).connect() as connection:
        found = connection.execute(text(f"SELECT * FROM {table} WHERE id = :id"), {"id": identity})  # noqa: S608 - our own names
        return dict(found.mappings().one())


VOLATILE = {"id", "created_at", "email", "date", "name"}


@pytest.mark.parametrize("write", WRITES)
def test_a_column_in_a_body_sets_nothing(write: str, cast: Cast, roles: Site) -> None:
    wanted = WRITES[write]
    status, plain_id = wanted.send(cast, {})
    assert status in (200, 201)
    assert plain_id is not None
    plain = row(roles, wanted.table, plain_id)
    for name in COLUMNS.keys() - wanted.own:
        status, identity = wanted.send(cast, {name: COLUMNS[name]})
        if status == 422:
            continue
        assert status in (200, 201), (name, status)
        assert identity is not None
        assert identity != COLUMNS["id"]
        after = row(roles, wanted.table, identity)
        kept = {column: value for column, value in after.items() if column not in VOLATILE}
        assert kept == {column: value for column, value in plain.items() if column not in VOLATILE}, name
        assert (
            after.get("created_at", plain.get("created_at")) == plain.get("created_at")
            or after["created_at"].year > 2020
        )


UNTOUCHED: dict[str, object] = {
    "hold_until": None, "is_late": False, "cancel_reason": None, "series_id": None, "visit_id": None,
    "segments": None, "addons": [],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(COLUMNS.keys() - {"provider"}))
def test_a_customer_s_booking_is_his_own_and_as_the_service_says(name: str, cast: Cast, roles: Site) -> None:
    customer, (day, time) = cast.customer, cast.free()
    status, identity = posted(customer, "/appointments", order(cast.service, day, time, **{name: COLUMNS[name]}))
    assert status in (201, 422)
    if identity is None:
        return
    made = row(roles, "appointments", identity)
    assert (made["customer_id"], made["status"], made["version"], made["seat_no"]) == (customer.id, "confirmed", 1, 1)
    assert (made["price_minor"], made["duration"], made["cancelled_at"], made["idempotency_key"]) == (
        8000, 30, None, made["idempotency_key"],
    )  # fmt: skip
    assert made["currency"] == "RON"
    assert {column: made[column] for column in UNTOUCHED} == UNTOUCHED
    assert made["idempotency_key"] != "x"
    assert made["starts_at"].year > 2020
    moved = customer.api.put(f"/appointments/me/{identity}", {"date": day, "time": time, name: COLUMNS[name]})
    assert moved.status_code in (200, 422)
    after = row(roles, "appointments", identity)
    assert (after["customer_id"], after["status"], after["price_minor"]) == (customer.id, "confirmed", 8000)


def test_the_list_of_columns_is_the_schema_s() -> None:
    """Names that a body may well set somewhere are left out; the rest of the schema is tried."""
    elsewhere = {"name", "email", "duration", "description", "slot_interval", "buffer_before", "buffer_after",
    "minimum_notice",
                 "booking_horizon", "cancellation_window", "date", "timezone", "provider_id", "service_id",
                 "start_minute",
                 "end_minute", "weekday"}  # fmt: skip
    internal = {"signing_keys", "sessions", "outbox", "audit_log", "idempotency_keys", "rate_limits", "schema_compat"}
    columns = {
        column.name for table in metadata.sorted_tables if table.name not in internal for column in table.columns
    }
    assert columns - elsewhere - {"user_id", "kind", "changed_at"} <= set(COLUMNS)


@pytest.mark.parametrize("role", ["root", "", None, 1, ["admin"], "ADMIN"])
def test_a_role_is_one_of_three(role: object, cast: Cast) -> None:
    assert cast.salon.admin.api.put(f"/auth/users/{cast.customer.id}/role", {"role": role}).status_code == 422
    assert cast.customer.api.get("/profile").json()["role"] == "customer"
