"""Clients of the public API: one at a time, and many at once; over several replicas they go round in turn."""

import asyncio
import itertools
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import aiohttp
import httpx2
from tests.support.processes import Site

from bookmeup.errors import DeadlinePassed

AUTH_PATHS = ("/auth/", "/.well-known/oauth-authorization-server/auth")
SECONDS = 30.0


class Answer(NamedTuple):
    """What one of many simultaneous requests got; status 0 if the connection broke."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Front:
    """Where the public API is: the Ingress's routing over the replicas' ports."""

    def __init__(self, *sites: Site) -> None:
        self._sites = itertools.cycle(sites)
        self._turn = threading.Lock()

    def url(self, path: str) -> str:
        """Return the URL of a path at the replica whose turn it is."""
        with self._turn:
            site = next(self._sites)
        return (site.auth if path.startswith(AUTH_PATHS) else site.logic).url + path


class Api:
    """The API as one user calls it, or as nobody does.

    A `patient` one asks once more when the time for an answer has passed: a machine that stands still for two seconds
    is not what most tests are about.
    """

    def __init__(self, front: Front, client: httpx2.Client, token: str | None = None, *, patient: bool = False) -> None:
        self.front = front
        self.token = token
        self._client = client
        self._patient = patient

    def bearing(self, token: str | None) -> Self:
        """Return the same API, called with another token."""
        return type(self)(self.front, self._client, token, patient=self._patient)

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.token is None else {"authorization": f"Bearer {self.token}"}

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx2.Response:
        def send() -> httpx2.Response:
            return self._client.request(
                method, self.front.url(path), headers={**self.headers, **(headers or {})}, **more
            )

        answered = send()
        return send() if self._patient and _is_late(answered) else answered

    def get(
        self, path: str, query: Mapping[str, object] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """The path may carry a query itself, as the one of a Link header does."""
        parameters = {name: str(value) for name, value in query.items()} if query else None
        return self.request("GET", path, headers=headers, params=parameters)

    def post(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        return self.request("POST", path, headers=headers, json=body)

    def put(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        return self.request("PUT", path, headers=headers, json=body)

    def delete(self, path: str, *, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        return self.request("DELETE", path, headers=headers)


def _is_late(answered: httpx2.Response) -> bool:
    return answered.status_code == 503 and DeadlinePassed.code in answered.text


class Shot(NamedTuple):
    """A request to be sent together with others."""

    api: Api
    method: str
    path: str
    body: object = None
    headers: Mapping[str, str] | None = None


def volley(shots: Sequence[Shot]) -> list[Answer]:
    """Send all requests at once, each on a connection of its own; return the answers in the order of the requests."""
    return asyncio.run(_volley(shots))


async def _volley(shots: Sequence[Shot]) -> list[Answer]:
    async with session() as opened:
        return await asyncio.gather(*(fire(opened, shot) for shot in shots))


def session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=SECONDS))


async def fire(opened: aiohttp.ClientSession, shot: Shot) -> Answer:
    headers = {**shot.api.headers, **(shot.headers or {})}
    url = shot.api.front.url(shot.path)
    try:
        async with opened.request(shot.method, url, json=shot.body, headers=headers) as response:
            return Answer(response.status, await response.read(), response.headers)
    except (aiohttp.ClientError, TimeoutError) as error:
        return Answer(0, repr(error).encode(), {})
