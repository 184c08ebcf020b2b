"""Refusals as answers: RFC 9457 problem details, with the member `error` that old clients read."""

import http

import msgspec
from msgspec import UNSET
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from bookmeup.errors import BY_CODE, Malformed, MethodNotAllowed, NotFound, Refusal, TooLarge
from bookmeup.schemas.answers import FaultAt, Problem

_BY_STATUS: dict[int, type[Refusal]] = {400: Malformed, 404: NotFound, 405: MethodNotAllowed, 413: TooLarge}


def document(refusal: Refusal, request_id: str | None = None) -> Problem:
    return Problem(
        title=refusal.title,
        status=refusal.status,
        code=refusal.code,
        error=str(refusal),
        detail=str(refusal),
        errors=[FaultAt(fault.pointer, fault.detail) for fault in refusal.faults] or UNSET,
        affected=[dict(appointment) for appointment in refusal.affected] or UNSET,
        request_id=request_id or UNSET,
    )


def answer(refusal: Refusal, request_id: str | None = None) -> Response:
    return Response(
        msgspec.json.encode(document(refusal, request_id)),
        refusal.status,
        {"Cache-Control": "no-store", **refusal.headers},
        "application/problem+json",
    )


async def refused(request: Request, error: Exception) -> Response:
    """Answer any refusal: the one handler on the root of the tree."""
    assert isinstance(error, Refusal)
    return answer(error, request.scope.get("state", {}).get("request_id"))


async def not_routed(request: Request, error: Exception) -> Response:
    """Answer what Starlette itself refuses: unknown paths and methods, bodies over the limit."""
    assert isinstance(error, HTTPException)
    kind = _BY_STATUS.get(error.status_code)
    if kind is None:
        kind = next((k for k in BY_CODE.values() if k.status == error.status_code), Malformed)
    response = answer(kind(), request.scope.get("state", {}).get("request_id"))
    if error.status_code == MethodNotAllowed.status:
        response.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return response


def _methods(request: Request) -> set[str]:
    """Return the methods of all routes of this path: each has one."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in matching for method in route.methods or ()}


async def failed(request: Request, _error: Exception) -> Response:
    """Answer a fault of ours, which is logged elsewhere; the client learns its request id and nothing else."""
    problem = Problem(
        title=http.HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
        status=500,
        code="internal",
        error="Something went wrong here.",
        detail="Something went wrong here.",
        request_id=request.scope.get("state", {}).get("request_id") or UNSET,
    )
    return Response(msgspec.json.encode(problem), 500, {"Cache-Control": "no-store"}, "application/problem+json")
