"""The identifier of a request: taken if well-formed, made if not, and the same everywhere."""

import re
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from bookmeup.web.request_id import RequestId

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_context() -> None:
    clear_contextvars()


async def nothing() -> Message:
    return {"type": "http.disconnect"}


async def call(*headers: tuple[bytes, bytes], answered: list[tuple[bytes, bytes]] | None = None) -> dict[str, Any]:
    """Give the id in scope, context and answer."""
    seen: dict[str, Any] = {}

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        seen["scope"] = scope["state"]["request_id"]
        seen["context"] = get_contextvars()["request_id"]
        await send({"type": "http.response.start", "status": 200, "headers": answered or []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen["answer"] = [value.decode() for name, value in message["headers"] if name == b"x-request-id"]

    await RequestId(app)({"type": "http", "headers": list(headers)}, nothing, send)
    return seen


@pytest.mark.parametrize("given", [b"a", b"Az09._-", b"f" * 64])
async def test_a_well_formed_id_is_kept(given: bytes) -> None:
    text = given.decode()
    assert await call((b"x-request-id", given)) == {"scope": text, "context": text, "answer": [text]}


@pytest.mark.parametrize("given", [b"", b"f" * 65, b"a b", b"a\nb", b"a\n", b'"}', b"\xff", b"a/../b"])
async def test_any_other_is_replaced(given: bytes) -> None:
    seen = await call((b"x-request-id", given))
    assert re.fullmatch("[0-9a-f]{32}", seen["scope"])
    assert seen["answer"] == [seen["scope"]]


async def test_each_request_has_its_own() -> None:
    assert (await call())["scope"] != (await call())["scope"]


async def test_an_answer_carries_the_id_once() -> None:
    seen = await call((b"x-request-id", b"mine"), answered=[(b"X-Request-Id", b"another")])
    assert seen["answer"] == ["mine"]


async def test_the_callers_context_is_as_it_was() -> None:
    bind_contextvars(request_id="outer")
    await call((b"x-request-id", b"inner"))
    assert get_contextvars() == {"request_id": "outer"}


async def test_a_lifespan_passes_through() -> None:
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    async def send(_: Message) -> None:
        return

    await RequestId(app)({"type": "lifespan"}, nothing, send)
    assert seen == ["lifespan"]
