"""Two ways to reach another role: by HTTP, and in the same process. Both give status, headers and bytes."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import aiohttp
from starlette.types import ASGIApp, Message, Scope
from yarl import URL

CONNECT_SECONDS = 0.35
"""Two tries and the pause between them fit into a second."""
REQUEST_ID = "x-request-id"
"""All our processes answer with the one they were sent, or with one of theirs."""
LARGEST = 32 * 1024 * 1024


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Unreachable(Exception):
    """No answer came; `sent` says whether the other side may have seen the request."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("no answer")
        self.sent = sent


class Transport(Protocol):
    async def request(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Reply:
        """Raises Unreachable, or TimeoutError when the seconds are over."""

    async def close(self) -> None: ...


class Http:
    """Keep-alive connections to one base URL, at most `limit`; a request waits for one until its deadline.

    While nobody is there, each connection fails after its own time. Whoever waits for one then does not wait his turn
    to learn the same: a client is to have its 503 within a second.
    """

    def __init__(self, base_url: str, limit: int) -> None:
        self._base = base_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None
        self._places = asyncio.Semaphore(limit)
        self._waiting: set[asyncio.Future[Any]] = set()
        self._heard = float("-inf")
        """When an answer came last, in monotonic seconds."""

    async def request(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Reply:
        url = f"{self._base}{path}?{query}" if query else f"{self._base}{path}"
        try:
            async with asyncio.timeout(seconds):  # aiohttp's own limit leaves out the wait for a connection's end
                await self._take_place()
                try:
                    return await self._ask(method, URL(url, encoded=True), headers, body)
                finally:
                    self._places.release()
        except asyncio.CancelledError as error:
            if _cancelled():
                raise
            raise Unreachable(sent=False) from error  # sent away, or its session was left

    async def _ask(self, method: str, url: URL, headers: Mapping[str, str], body: bytes) -> Reply:
        session = self._session or self._open()
        try:
            async with session.request(
                method, url, headers=headers, data=body or None, allow_redirects=False
            ) as response:
                if not _is_ours(response.headers, headers):
                    await self._leave(session)
                    raise Unreachable(sent=True)
                if (response.content_length or 0) > LARGEST:
                    raise Unreachable(sent=True)
                content = await response.read()
                self._heard = time.monotonic()
                return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, content)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            self._send_away()
            raise Unreachable(sent=False) from error
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError, RuntimeError) as error:  # the last two come from uvloop, unwrapped
            raise Unreachable(sent=True) from error

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        turn = asyncio.ensure_future(self._places.acquire())
        self._waiting.add(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._places.release()
            raise
        finally:
            self._waiting.discard(turn)

    def _send_away(self) -> None:
        """Let nobody wait any longer, unless others still get through."""
        if time.monotonic() - self._heard > CONNECT_SECONDS:
            for turn in self._waiting:
                turn.cancel()

    def _open(self) -> aiohttp.ClientSession:
        """Open on the running loop. aiohttp's own repeat stays off: the one retry is ours."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15, ttl_dns_cache=5),  # by `_places`
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept"),
            max_line_size=16384,
            max_field_size=16384,
        )
        self._session._retry_connection = False  # noqa: SLF001 - the only switch there is
        return self._session

    async def _leave(self, session: aiohttp.ClientSession) -> None:
        """Close all its connections: kept alive, the one to a stranger would be asked for ever.

        aiohttp cannot close it alone once the answer has been read. What goes over the others is tried again.
        """
        if self._session is session:
            self._session = None
        await session.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._leave(self._session)


def _cancelled() -> bool:
    """Whether it is this task that was cancelled, and not what it waits for."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _is_ours(answered: Mapping[str, str], asked: Mapping[str, str]) -> bool:
    """Whether it was a process of ours that answered: not a proxy, nor a stranger at an address that was ours."""
    return REQUEST_ID in answered and asked.get(REQUEST_ID, answered[REQUEST_ID]) == answered[REQUEST_ID]


class InProcess:
    """Calls an application of this process, at most `limit` at a time, through the same handlers and tokens."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._places = asyncio.Semaphore(limit)

    async def request(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Reply:
        async with asyncio.timeout(seconds), self._places:
            exchange = _Exchange(body)
            await self._app(_scope(method, path, query, headers, len(body)), exchange.receive, exchange.send)
            return Reply(exchange.status, exchange.headers, b"".join(exchange.parts))

    async def close(self) -> None:
        pass


class _Exchange:
    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.status = 500
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []

    async def receive(self) -> Message:
        if self._body is None:  # a second call waits for a disconnect, which does not come
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
            }
        else:
            self.parts.append(message.get("body", b""))


def _scope(method: str, path: str, query: str, headers: Mapping[str, str], length: int) -> Scope:
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    pairs += [(b"host", b"in-process"), (b"content-length", str(length).encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": pairs,
        "client": ("127.0.0.1", 0),
        "server": ("in-process", 0),
        "state": {},
    }
