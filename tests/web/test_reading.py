"""Reading requests: every fault at once, each with its place, and never an error of ours. T6, T10."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from bookmeup.schemas.answers import Problem
from bookmeup.schemas.appointments import AppointmentRequest, Move, Page, SlotsQuery
from bookmeup.schemas.business import AvailabilityRequest, LocationChange, NewProvider
from bookmeup.schemas.services import NewService
from bookmeup.schemas.users import Login, Registration
from bookmeup.web.answers import ok
from bookmeup.web.app import BODY_LIMIT, assemble
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.reading import path_id, query, read, read_form

BODIES: dict[str, type[Struct]] = {
    "registration": Registration,
    "login": Login,
    "service": NewService,
    "appointment": AppointmentRequest,
    "move": Move,
    "availability": AvailabilityRequest,
    "provider": NewProvider,
    "location": LocationChange,
}
QUERIES: dict[str, type[Struct]] = {"page": Page, "slots": SlotsQuery}


def reader(kind: type[Struct], how: Callable[[Request, type[Struct]], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def handler(request: Request) -> Response:
        found = how(request, kind)
        return ok(await found if asyncio.iscoroutine(found) else found)

    return handler


async def row(request: Request) -> Response:
    return ok(path_id(request))


APP = assemble(
    "test",
    [
        *(operation("POST", f"/{name}", reader(kind, read), ANYONE, name) for name, kind in BODIES.items()),
        *(operation("GET", f"/{name}", reader(kind, query), ANYONE, name) for name, kind in QUERIES.items()),
        operation("POST", "/form", reader(Login, read_form), ANYONE, "form"),
        operation("GET", "/rows/{id:int}", row, ANYONE, "row"),
    ],
    state={},
)


def sent(method: str, path: str, **options: Any) -> httpx2.Response:
    async def one() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(APP), base_url="http://test") as client:
            return await client.request(method, path, **options)

    return asyncio.run(one())


def post(path: str, content: bytes, media: str | None = "application/json") -> httpx2.Response:
    return sent("POST", path, content=content, headers={} if media is None else {"content-type": media})


def faults(response: httpx2.Response) -> dict[str, str]:
    assert response.headers["content-type"] == "application/problem+json"
    problem = msgspec.json.decode(response.content, type=Problem)
    assert problem.status == response.status_code
    assert isinstance(problem.errors, list)
    return {fault.pointer: fault.detail for fault in problem.errors}


def test_all_faults_are_told_at_once_each_with_its_place() -> None:
    body = {"name": "", "email": 3, "password": None, "role": 7}
    response = post("/registration", json.dumps(body).encode())
    assert response.status_code == 422
    assert set(faults(response)) == {"/name", "/email", "/password", "/role"}
    assert response.json()["error"].startswith("4 faults")


def test_what_is_missing_is_named() -> None:
    response = post("/appointment", b"{}")
    assert faults(response) == {"/service_id": "is required", "/date": "is required", "/time": "is required"}


def test_faults_inside_a_list_and_an_object_have_their_place() -> None:
    hours = [
        {"weekday": 1, "start_time": "09:00", "end_time": "17:00"},
        {"weekday": 8, "start_time": "9", "end_time": ""},
    ]
    found = faults(post("/provider", json.dumps({"name": "Ana", "hours": hours}).encode()))
    assert any(place.startswith("/hours/1") for place in found), found
    order = {"service_id": 1, "date": "2027-01-01", "time": "09:00", "customer": {"name": 1, "email": "no"}}
    assert {"/customer/name", "/customer/email"} <= set(faults(post("/appointment", json.dumps(order).encode())))


def test_a_rule_over_two_members_is_a_fault() -> None:
    body = b'{"date": "2027-01-01", "start_time": "10:00", "end_time": "09:00"}'
    assert "after" in " ".join(faults(post("/availability", body)).values())


def test_new_routes_refuse_members_they_do_not_know_and_old_ones_ignore_them() -> None:
    assert faults(post("/location", b'{"x": 1, "name": 3}')) == {
        "/x": "is not known here",
        "/name": faults(post("/location", b'{"name": 3}'))["/name"],
    }
    old = post("/login", b'{"email": "a@b", "password": "x", "status": "confirmed"}')
    assert (old.status_code, set(old.json())) == (200, {"email", "password"})


NOT_JSON: dict[str, bytes] = {
    "empty": b"",
    "words": b"email=a@b&password=x",
    "cut off": b'{"email": "a@b", "pass',
    "two documents": b"{}{}",
    "a comment": b'{"email": "a@b" /* x */}',
    "single quotes": b"{'email': 'a'}",
    "NaN": b'{"email": NaN}',
    "not UTF-8": b'{"email": "\xff\xfe", "password": "x"}',
    "overlong UTF-8": b'{"email": "\xc0\xaf", "password": "x"}',
    "surrogate in UTF-8": b'{"email": "\xed\xa0\x80", "password": "x"}',
    "UTF-16": '{"email": "a"}'.encode("utf-16"),
    "nul": b"\x00",
    "depth of lists": b"[" * 10_000 + b"]" * 10_000,
    "depth of objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "depth in a member": b'{"email": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "depth, not closed": b"[" * 900_000,
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_json_is_400(kind: str, body: bytes) -> None:
    began = time.perf_counter()
    response = post(f"/{kind}", body)
    assert (response.status_code, response.json()["code"]) == (400, "not_json")
    assert time.perf_counter() - began < 2.0  # 50 ms where the machine is one's own


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("body", [b"null", b"1", b'"x"', b"[]", b"true", b"[{}]"])
def test_what_is_no_object_is_422(kind: str, body: bytes) -> None:
    assert faults(post(f"/{kind}", body)) == {"": "must be an object"}


@pytest.mark.parametrize(
    "number", [b"1" * 999_900, b"-" + b"9" * 500_000, b"0." + b"1" * 500_000, b"1e999999", b"1e-999999"], ids=len
)
@pytest.mark.parametrize("member", ["service_id", "provider_id", "user_id"])
def test_a_million_digits_are_refused_at_once(number: bytes, member: str) -> None:
    began = time.perf_counter()
    response = post("/appointment", b'{"%s": %s}' % (member.encode(), number))
    assert response.status_code in (400, 422)
    assert time.perf_counter() - began < 2.0  # 50 ms where the machine is one's own
    price = post("/service", b'{"name": "Cut", "duration": 30, "price": %s}' % number)
    assert price.status_code in (200, 400, 422)


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "text/json",
        "*/*",
        "application/json-patch+json",
        "application",
    ],
)
def test_another_type_is_415(media: str) -> None:
    assert post("/login", b"{}", media).status_code == 415


@pytest.mark.parametrize("media", ["application/json", "Application/JSON", "application/json; charset=utf-8", None])
def test_json_is_taken_by_any_of_its_names(media: str | None) -> None:
    assert post("/login", b'{"email": "a@b", "password": "x"}', media).status_code == 200


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 5 * BODY_LIMIT])
def test_a_declared_length_over_the_limit_is_413(size: int) -> None:
    assert post("/login", b" " * size).status_code == 413


def test_a_chunked_body_over_the_limit_is_413() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 10_000

    response = sent("POST", "/login", content=chunks(), headers={"content-type": "application/json"})
    assert "content-length" not in response.request.headers
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("declared", ["99999999999999999999999", "9" * 400])
def test_a_giant_declared_length_is_413(declared: str) -> None:
    headers = {"content-type": "application/json", "content-length": declared}
    assert sent("POST", "/login", content=b"{}", headers=headers).status_code == 413


def test_a_form_of_many_fields_or_files_is_refused() -> None:
    form = "application/x-www-form-urlencoded"
    assert post("/form", b"&".join(b"a%d=1" % i for i in range(5000)), form).status_code in (400, 413)
    assert post("/form", b"email=a%40b&password=" + b"x" * BODY_LIMIT, form).status_code == 413
    assert post("/form", b"{}", "application/json").status_code == 415
    assert post("/form", b"--x\r\n", "multipart/form-data; boundary=x").status_code == 415


@pytest.mark.parametrize(
    ("path", "twice"),
    [
        ("/page?limit=1&limit=2", "limit"),
        ("/slots?date=2027-01-01&service_id=1&service_id=1", "service_id"),
        ("/page?cursor=a&cursor=a&limit=x", "cursor"),
    ],
)
def test_a_parameter_given_twice_is_refused(path: str, twice: str) -> None:
    response = sent("GET", path)
    assert response.status_code == 422
    assert faults(response)[f"/{twice}"] == "is given twice"


def test_all_faults_of_a_query_are_told() -> None:
    assert set(faults(sent("GET", "/slots?date=tomorrow&service_id=x&provider_id=0"))) == {
        "/date", "/service_id", "/provider_id",
    }  # fmt: skip


@pytest.mark.parametrize("value", ["0", "-1", "1001", "1.5", "x", "", " 1", "%00", "1_0", "0x10", "9" * 400, "%D9%A1"])
def test_a_limit_is_a_plain_number(value: str) -> None:
    assert sent("GET", f"/page?limit={value}").status_code == 422


@pytest.mark.parametrize("digits", [20, 1000, 4300, 4301, 20_000])
def test_an_id_of_however_many_digits_is_not_found(digits: int) -> None:
    assert sent("GET", f"/rows/{2**63 - 1}").json() == 2**63 - 1
    assert sent("GET", "/rows/" + "9" * digits).status_code == 404


LINE_ENDS: dict[str, dict[str, object]] = {
    "registration": {"name": "Ana", "email": "a@b", "password": "x"},
    "appointment": {"service_id": 1, "date": "2027-01-01", "time": "09:00"},
    "availability": {"date": "2027-01-01", "start_time": "09:00", "end_time": "24:00"},
}
LINED = [
    (kind, member) for kind, body in LINE_ENDS.items() for member in body if member not in ("password", "service_id")
]


@pytest.mark.parametrize(("kind", "member"), LINED)
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x00", "\u0000x", "\x1b[31m"])
def test_no_line_end_and_no_control_character_gets_in(kind: str, member: str, end: str) -> None:
    """In a regular expression of Python's `$` also matches before a last line end."""
    assert sent("POST", f"/{kind}", json=LINE_ENDS[kind]).status_code == 200
    response = sent("POST", f"/{kind}", json=LINE_ENDS[kind] | {member: f"{LINE_ENDS[kind][member]}{end}"})
    assert (response.status_code, list(faults(response))) == (422, [f"/{member}"])


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["09:00", "2027-01-01", "1 RON"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


def objects(kind: type[Struct]) -> st.SearchStrategy[bytes]:
    members = st.dictionaries(st.sampled_from(kind.__struct_fields__), anything)
    return members.map(lambda found: json.dumps(found).encode())


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(BODIES)).flatmap(lambda name: st.tuples(st.just(name), objects(BODIES[name]) | st.binary()))
)
def test_no_body_makes_a_fault_of_ours(case: tuple[str, bytes]) -> None:
    name, body = case
    response = post(f"/{name}", body)
    assert response.status_code in (200, 400, 422)
    if response.status_code == 422:
        assert faults(response)


texts = st.text() | st.integers().map(str) | st.dates().map(str)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(QUERIES)).flatmap(
        lambda name: st.tuples(
            st.just(name), st.lists(st.tuples(st.sampled_from(QUERIES[name].__struct_fields__) | st.text(), texts))
        )
    )
)
def test_no_query_makes_a_fault_of_ours(case: tuple[str, list[tuple[str, str]]]) -> None:
    name, pairs = case
    assert sent("GET", f"/{name}", params=pairs).status_code in (200, 422)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60))
def test_no_raw_query_makes_a_fault_of_ours(raw: bytes) -> None:
    scope_query = b"".join(b"%%%02x" % byte if byte < 33 or byte > 126 or byte == 35 else bytes([byte]) for byte in raw)
    assert sent("GET", "/slots?" + scope_query.decode()).status_code == 422
