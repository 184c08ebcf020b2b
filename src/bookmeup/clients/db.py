"""How auth and logic reach db: for the request's user, within its deadline, with one retry where it is safe."""

import asyncio
import random
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Struct
from starlette.requests import Request

from bookmeup import errors
from bookmeup.clients.headers import DEADLINE_HEADER, OWN_KEY
from bookmeup.clients.service_tokens import ServiceTokens
from bookmeup.clients.transport import Reply, Transport, Unreachable
from bookmeup.schemas.answers import Problem

T = TypeVar("T")
LIMIT = 12
"""Calls at a time: as many as db has connections; further ones wait until their deadline."""
CARRIED = ("if-match",)
_KEY = re.compile(r"[!-~]{1,255}")


class Db:
    """db-service, as one other service sees it."""

    def __init__(self, transport: Transport, tokens: ServiceTokens) -> None:
        self._transport = transport
        self._tokens = tokens

    def on_behalf(self, request: Request) -> "Call":
        """Return the caller for this request: its user, its id, its deadline, its idempotency key."""
        state = request.scope["state"]
        who = state.get("principal")
        return Call(
            self._transport,
            token=self._tokens.issue(who.user_id if who else None, who.sid if who else None),
            deadline=state["deadline"],
            headers=_carried(request, state.get("request_id")),
            key=_key(request),
        )

    def by_itself(self, seconds: float = 2.0) -> "Call":
        """Return the caller for what the service does without any user."""
        return Call(self._transport, self._tokens.issue(None, None), time.monotonic() + seconds, {}, None)

    async def close(self) -> None:
        await self._transport.close()


def _carried(request: Request, request_id: str | None) -> dict[str, str]:
    headers = {name: request.headers[name] for name in CARRIED if name in request.headers}
    if request_id:
        headers["x-request-id"] = request_id
    return headers


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    if key is None or _KEY.fullmatch(key):
        return key
    raise errors.Invalid([errors.Fault("Idempotency-Key", "must be 1 to 255 printable ASCII characters, no spaces")])


class Call:
    """One request's calls to db."""

    def __init__(
        self, transport: Transport, token: str, deadline: float, headers: Mapping[str, str], key: str | None
    ) -> None:
        self._transport = transport
        self._deadline = deadline
        self._key = key
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json", **headers}

    async def get(self, path: str, query: Struct | None = None, *, if_none_match: str | None = None) -> Reply:
        extra = {} if if_none_match is None else {"if-none-match": if_none_match}
        return await self._request("GET", path, extra, query=_query(query))

    async def post(self, path: str, body: Struct | None = None, query: Struct | None = None) -> Reply:
        """Without a key of the client's there is one of ours, so that the retry is safe."""
        return await self._request("POST", path, _keyed(self._key), query=_query(query), body=_json(body))

    async def put(self, path: str, body: Struct | None = None, query: Struct | None = None) -> Reply:
        return await self._request("PUT", path, _keyed(), query=_query(query), body=_json(body))

    async def delete(self, path: str, query: Struct | None = None) -> Reply:
        return await self._request("DELETE", path, _keyed(), query=_query(query))

    async def _request(
        self, method: str, path: str, extra: dict[str, str], *, query: str = "", body: bytes = b""
    ) -> Reply:
        for last in (False, True):
            try:
                reply = await self._once(method, path, extra, query, body)
            except Unreachable as error:
                if last:
                    raise errors.Unavailable from error
            except TimeoutError as error:
                raise errors.DeadlinePassed from error
            else:
                if last or reply.status not in (502, 503) or _passed(reply):
                    return _accepted(reply)
            await asyncio.sleep(random.uniform(0.02, 0.2))
        raise AssertionError  # the second round returns or raises

    async def _once(self, method: str, path: str, extra: dict[str, str], query: str, body: bytes) -> Reply:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise errors.DeadlinePassed
        headers = self._headers | extra | {DEADLINE_HEADER: str(int(seconds * 1000))}
        return await self._transport.request(method, path, query, headers, body, seconds)


def _keyed(key: str | None = None) -> dict[str, str]:
    return {"idempotency-key": key or f"{OWN_KEY}{uuid.uuid4().hex}"}


def _passed(reply: Reply) -> bool:
    """Whether db itself ran out of time: a retry would too."""
    return errors.DeadlinePassed.code.encode() in reply.body


def decoded(reply: Reply, kind: type[T]) -> T:
    return msgspec.json.decode(reply.body, type=kind)


def _json(body: Struct | None) -> bytes:
    return b"" if body is None else msgspec.json.encode(body)


def _query(query: Struct | None) -> str:
    if query is None:
        return ""
    pairs: dict[str, Any] = msgspec.to_builtins(query, str_keys=True)
    return urlencode({name: value for name, value in pairs.items() if value is not None and value is not UNSET})


def _accepted(reply: Reply) -> Reply:
    """Return the reply, or raise the refusal that db answered with."""
    if reply.status < 400:  # noqa: PLR2004
        return reply
    try:
        problem = msgspec.json.decode(reply.body, type=Problem)
    except msgspec.MsgspecError as error:
        raise errors.Unavailable from error
    if problem.status >= 500 and problem.code not in errors.BY_CODE:  # noqa: PLR2004
        raise errors.Unavailable
    faults = () if problem.errors is UNSET else [errors.Fault(f.pointer, f.detail) for f in problem.errors]
    after = reply.headers.get("retry-after")
    affected = () if problem.affected is UNSET else problem.affected
    raise errors.from_code(problem.code, problem.error, faults, int(after) if after else None, affected)
