"""Every refusal is one class with one code: it crosses HTTP and comes out as the same class."""

import asyncio
import re

import msgspec
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from bookmeup import errors
from bookmeup.clients.db import _accepted
from bookmeup.clients.transport import Reply
from bookmeup.errors import BY_CODE, Fault, Invalid, Refusal, Unavailable, from_code
from bookmeup.schemas.answers import Problem
from bookmeup.web.app import assemble
from bookmeup.web.operations import ANYONE, operation
from bookmeup.web.problems import answer


def classes(root: type[Refusal] = Refusal) -> list[type[Refusal]]:
    return [root, *(found for child in root.__subclasses__() for found in classes(child))]


ALL = classes()


def made(kind: type[Refusal]) -> Refusal:
    return kind([Fault("/name", "is required")]) if kind is Invalid else kind()


def test_codes_are_unique_and_complete() -> None:
    codes = [kind.code for kind in ALL]
    assert len(set(codes)) == len(codes)
    assert {code: BY_CODE[code] for code in codes} == {kind.code: kind for kind in ALL}
    assert all(re.fullmatch("[a-z_]+", code) for code in codes)


def test_each_class_says_what_it_is() -> None:
    for kind in ALL[1:]:
        assert 400 <= kind.status < 600
        assert str(made(kind)).strip(), kind
        assert kind.status == kind.__mro__[1].status or kind.__mro__[1] is Refusal  # type: ignore[attr-defined]


def drawn() -> dict[str, str | None]:
    """Read the tree at the top of the module: the parent of each name in it."""
    lines = [line for line in (errors.__doc__ or "").splitlines() if re.search(r"[├└]──|^Refusal", line)]
    path: list[str] = []
    parents: dict[str, str | None] = {}
    for line in lines:
        depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
        name = line.lstrip("│├└─ ").split()[0]
        path = [*path[:depth], name]
        assert name not in parents, f"{name} is drawn twice"
        parents[name] = path[-2] if depth else None
    return parents


def test_the_tree_that_is_drawn_is_the_tree_of_the_classes() -> None:
    real = {kind.__name__: kind.__mro__[1].__name__ if kind is not Refusal else None for kind in ALL}
    assert drawn() == real


def test_a_status_that_is_drawn_is_the_class_s() -> None:
    for line in (errors.__doc__ or "").splitlines():
        found = re.search(r"──\s(\w+)\s+(\d{3})\b", line)
        if found:
            assert getattr(errors, found[1]).status == int(found[2])


@pytest.mark.parametrize("kind", ALL[1:], ids=lambda kind: kind.code)
def test_a_refusal_crosses_http_by_its_code(kind: type[Refusal]) -> None:
    before = made(kind)
    response = answer(before, "a-request")
    assert response.status_code == kind.status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    problem = msgspec.json.decode(bytes(response.body), type=Problem)
    assert (problem.code, problem.error, problem.request_id) == (kind.code, str(before), "a-request")
    with pytest.raises(Refusal) as after:
        _accepted(Reply(response.status_code, dict(response.headers), bytes(response.body)))
    assert type(after.value) is kind
    assert (str(after.value), after.value.faults, after.value.retry_after) == (
        str(before), before.faults, before.retry_after,
    )  # fmt: skip


@pytest.mark.parametrize("seconds", [1, 7])
def test_when_to_come_back_crosses_too(seconds: int) -> None:
    before = errors.TooManyRequests(retry_after=seconds)
    response = answer(before)
    assert response.headers["retry-after"] == str(seconds)
    after = from_code(before.code, str(before), retry_after=int(response.headers["retry-after"]))
    assert after.headers == {"Retry-After": str(seconds)}


def test_503_always_says_when_to_come_back() -> None:
    assert all("Retry-After" in made(kind).headers for kind in ALL if issubclass(kind, Unavailable))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"<html>"),
        (502, b""),
        (503, b"{}"),
        (500, b'{"title":"x","status":500,"code":"internal","error":"x","detail":"x"}'),
        (404, b"<h1>nginx</h1>"),
        (400, b"[]"),
    ],
)
def test_an_answer_of_nobody_of_ours_is_unavailable(status: int, body: bytes) -> None:
    with pytest.raises(Unavailable):
        _accepted(Reply(status, {}, body))


def test_an_unknown_code_of_a_newer_db_is_a_refusal_still() -> None:
    assert isinstance(from_code("invented_tomorrow", "?"), Refusal)


async def broken(_request: Request) -> None:
    raise RuntimeError("CANARY-of-an-error postgresql://user:CANARY@host/db")


def test_a_fault_of_ours_tells_the_client_its_request_id_and_nothing_else() -> None:
    app = assemble("test", [operation("GET", "/broken", broken, ANYONE, "broken")], state={})  # type: ignore[arg-type]
    response = TestClient(app, raise_server_exceptions=False).get("/broken", headers={"x-request-id": "abc-1"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["request_id"] == response.headers["x-request-id"] == "abc-1"
    assert "CANARY" not in response.text + str(response.headers)


def test_unknown_paths_and_methods_are_problems() -> None:
    async def fine(_request: Request) -> None:
        await asyncio.sleep(0)

    client = TestClient(assemble("test", [operation("GET", "/here", fine, ANYONE, "here")], state={}))  # type: ignore[arg-type]
    for method, path, status in [("GET", "/nowhere", 404), ("DELETE", "/here", 405), ("GET", "/here/", 404)]:
        response = client.request(method, path, follow_redirects=False)
        assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
        assert {"title", "status", "code", "error", "detail"} <= set(response.json())
    assert "GET" in client.delete("/here").headers["allow"]


@pytest.mark.parametrize("kind", ALL[1:], ids=lambda kind: kind.code)
def test_503_alone_ends_the_connection_so_that_a_retry_may_come_to_another_replica(kind: type[Refusal]) -> None:
    assert ("connection" in answer(made(kind)).headers) == issubclass(kind, Unavailable)
