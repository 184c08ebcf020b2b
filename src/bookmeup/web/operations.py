"""Routes as data: each names its method, who may call it, what it reads and answers. Nobody may, unless it says so."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bookmeup.errors import Refusal

Handler = Callable[[Request], Awaitable[Response]]


class Number(IntegerConvertor):
    """An id in a path. Python refuses to read more than 4300 digits, which would be a fault of ours."""

    regex = "[0-9]{1,1000}"


register_url_convertor("int", Number())


class Access(Protocol):
    """Who may call: refuses by raising, and leaves in `request.state` what it learnt of the caller."""

    refusals: Sequence[type[Refusal]]
    security: str | None

    async def __call__(self, request: Request) -> None: ...


class Anyone:
    """No token is looked at."""

    refusals: Sequence[type[Refusal]] = ()
    security: str | None = None

    async def __call__(self, request: Request) -> None:
        pass


ANYONE = Anyone()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the OpenAPI document says of a route; `answers` by status, None for no JSON body."""

    method: str
    path: str
    summary: str
    access: Access
    answers: dict[int, Any]
    body: Any = None
    query: Any = None
    refusals: Sequence[type[Refusal]] = ()
    creates: bool = False
    needs_body: bool = True
    hidden: bool = False


def operation(
    method: str,
    path: str,
    handler: Handler,
    access: Access,
    summary: str,
    *,
    answer: Any = None,
    status: int = 200,
    also: Mapping[int, Any] | None = None,
    body: Any = None,
    query: Any = None,
    refusals: Sequence[type[Refusal]] = (),
    creates: bool = False,
    needs_body: bool = True,
    hidden: bool = False,
) -> Route:
    """Return a route that lets in whom `access` lets in. `creates`: it takes an Idempotency-Key.

    `also` are answers with another status.
    """

    async def endpoint(request: Request) -> Response:
        await access(request)
        return await handler(request)

    endpoint.__name__ = handler.__name__
    endpoint.operation = Operation(  # type: ignore[attr-defined]
        method=method,
        path=path,
        summary=summary,
        access=access,
        answers={status: answer, **(also or {})},
        body=body,
        query=query,
        refusals=refusals,
        creates=creates,
        needs_body=needs_body,
        hidden=hidden,
    )
    return Route(path, endpoint, methods=[method])
