"""The figures of a role: right, and bounded in number whatever is asked for."""

import uuid

import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from bookmeup.web.traffic import Traffic


async def show(_: Request) -> Response:
    return PlainTextResponse("shown")


async def fail(_: Request) -> Response:
    raise RuntimeError


@pytest.fixture
def role() -> str:
    """Give a role of its own: the registry is the process's."""
    return f"role-{uuid.uuid4().hex}"


@pytest.fixture
def client(role: str) -> TestClient:
    routes = [
        Route("/services/{service_id:int}", show, methods=["GET", "DELETE"]),
        Route("/fail", fail),
        Mount("/static", routes=[Route("/{name}", show)]),
    ]
    return TestClient(Traffic(Starlette(routes=routes), role), raise_server_exceptions=False)


def series(role: str, name: str = "bookmeup_http_requests_total") -> dict[tuple[str, str, str], float]:
    """Give method, route and status of each series of the role, and its value."""
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels.get("status", "")): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == name and sample.labels.get("role") == role
    }


def test_requests_are_counted_by_method_template_and_status(client: TestClient, role: str) -> None:
    for number in range(3):
        client.get(f"/services/{number}?token=x")
    client.delete("/services/1")
    client.post("/services/1")
    assert series(role) == {
        ("GET", "/services/{service_id}", "200"): 3,
        ("DELETE", "/services/{service_id}", "200"): 1,
        ("POST", "/services/{service_id}", "405"): 1,
    }


def test_latency_is_a_histogram_of_the_same_routes(client: TestClient, role: str) -> None:
    client.get("/services/1")
    assert series(role, "bookmeup_http_request_seconds_count") == {("GET", "/services/{service_id}", ""): 1}


def test_hundreds_of_unknown_paths_and_methods_are_few_series(client: TestClient, role: str) -> None:
    for number in range(100):
        client.get(f"/nothing/{number}")
        client.request(f"M{number}", f"/services/x{number}")
    assert series(role) == {("GET", "unmatched", "404"): 100, ("OTHER", "unmatched", "404"): 100}


def test_a_mounted_route_is_its_template(client: TestClient, role: str) -> None:
    client.get("/static/a.css")
    client.get("/static/b.css")
    assert list(series(role).values()) == [2]
    assert "a.css" not in str(series(role))


def test_a_fault_is_500_and_is_not_in_flight_any_more(client: TestClient, role: str) -> None:
    client.get("/fail")
    assert series(role) == {("GET", "/fail", "500"): 1}
    assert REGISTRY.get_sample_value("bookmeup_http_requests_in_flight", {"role": role}) == 0


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_requests_in_progress_are_in_flight_and_an_unanswered_one_is_499(role: str) -> None:
    seen: list[float | None] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(REGISTRY.get_sample_value("bookmeup_http_requests_in_flight", {"role": role}))

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        return

    await Traffic(app, role)({"type": "http", "method": "GET", "path": "/"}, receive, send)
    assert seen == [1]
    assert series(role) == {("GET", "unmatched", "499"): 1}
