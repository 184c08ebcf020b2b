"""The OpenAPI 3.1 document, made of the routes and their schemas; nothing in it is written twice."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import NODEFAULT
from starlette.routing import BaseRoute, Route

import bookmeup
from bookmeup.errors import (
    DeadlinePassed,
    Invalid,
    Malformed,
    NotJson,
    Overloaded,
    Refusal,
    Stale,
    TooLarge,
    Unavailable,
    WrongMediaType,
)
from bookmeup.schemas.answers import Problem
from bookmeup.web.openapi_examples import example
from bookmeup.web.operations import Operation

REF = "#/components/schemas/{name}"
ALWAYS: Sequence[type[Refusal]] = (Unavailable, DeadlinePassed, Overloaded, Malformed)
_CONVERTED = re.compile(r"{(\w+)(?::(\w+))?}")
_PATH_TYPES = {"int": {"type": "integer", "minimum": 1}, "uuid": {"type": "string", "format": "uuid"}}
_IF_MATCH = {
    "name": "If-Match", "in": "header", "required": False,
    "description": "The ETag that was read: the change is refused if somebody has changed it meanwhile.",
    "schema": {"type": "string", "pattern": "^[!-~]*$"},
}  # fmt: skip
_DATE = {"type": "string", "format": "date"}
_KEY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "Makes a retry safe: the same key with the same body gives the same answer for 24 hours, and at any "
    "time if it makes appointments.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}  # fmt: skip
TITLES = {
    "auth": "Accounts",
    "appointments": "Appointments",
    "available-timeslots": "Appointments",
    "services": "Services",
}


def operations(routes: Iterable[BaseRoute]) -> list[Operation]:
    """Return what the routes say of themselves, hidden ones left out."""
    found = (getattr(route.endpoint, "operation", None) for route in routes if isinstance(route, Route))
    return [operation for operation in found if isinstance(operation, Operation) and not operation.hidden]


def document(shown: Sequence[Operation]) -> dict[str, Any]:
    """Return the document of these operations."""
    said = [kind for op in shown for answer in (op.body, *op.answers.values()) for kind in _kinds(answer)]
    kinds = [kind for kind in said if kind not in (None, str)]
    queries = [op.query for op in shown if op.query is not None]
    _, components = msgspec.json.schema_components([*kinds, Problem], ref_template=REF)
    _, asked = msgspec.json.schema_components(queries, ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for op in shown:
        path = _CONVERTED.sub(r"{\1}", op.path)
        paths.setdefault(path, {})[op.method.lower()] = _operation(op, asked)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "BookMeUp",
            "version": bookmeup.__version__,
            "description": "Customers book free times, move and cancel; staff run services, hours and the calendar.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {name: _with_example(schema, components) for name, schema in components.items()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _with_example(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    return schema if "enum" in schema else {**schema, "examples": [example(schema, components)]}


def _operation(op: Operation, asked: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{op.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', op.path.lower()).strip('_')}",
        "summary": op.summary,
        "tags": [TITLES.get(op.path.split("/")[1], "Business")],
        "responses": _responses(op),
    }
    parameters = [
        *_path_parameters(op.path),
        *_query_parameters(op.query, asked),
        *([_KEY] if op.creates else []),
        *([_IF_MATCH] if Stale in op.refusals else []),
    ]
    if parameters:
        described["parameters"] = parameters
    if op.body is not None:
        described["requestBody"] = {
            "required": op.needs_body,
            "content": {"application/json": {"schema": _schema(op.body)}},
        }
    if op.access.security:
        described["security"] = [{op.access.security: []}]
    return described


def _kinds(answer: Any) -> tuple[Any, ...]:
    """Return what an answer may be: a tuple is one of several."""
    return answer if isinstance(answer, tuple) else (answer,)


def _schema(kind: Any) -> dict[str, Any]:
    if isinstance(kind, tuple):
        return {"anyOf": [_schema(each) for each in kind]}
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return schema


def _responses(op: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, kind in op.answers.items():
        media = "text/plain" if kind is str else "application/json"
        responses[str(status)] = {"description": op.summary, "content": {media: {"schema": _schema(kind)}}}
    for refusal in sorted(_refusals(op), key=lambda kind: (kind.status, kind.code)):
        told = responses.setdefault(str(refusal.status), _problem())
        told["description"] = f"{told['description']}, {refusal.code}".removeprefix(", ")
    return responses


def _problem() -> dict[str, Any]:
    return {"description": "", "content": {"application/problem+json": {"schema": _schema(Problem)}}}


def _refusals(op: Operation) -> set[type[Refusal]]:
    """Return what the route refuses with: its own, its access's, those of reading it and those of every route."""
    reading: tuple[type[Refusal], ...] = ()
    if op.body is not None:
        reading = (Invalid, NotJson, WrongMediaType, TooLarge)
    elif op.query is not None or "{date}" in op.path:
        reading = (Invalid,)
    if op.creates:
        reading += (Invalid,)
    return {*op.refusals, *op.access.refusals, *reading, *ALWAYS}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True,
         "schema": _PATH_TYPES.get(kind, _DATE if name == "date" else {"type": "string"})}
        for name, kind in _CONVERTED.findall(path)
    ]  # fmt: skip


def _query_parameters(query: Any, asked: dict[str, Any]) -> list[dict[str, Any]]:
    if query is None:
        return []
    schema = asked[query.__name__]
    return [
        {"name": field.encode_name, "in": "query",
         "required": field.default is NODEFAULT and field.default_factory is NODEFAULT,
         "schema": _not_null(schema["properties"][field.encode_name])}
        for field in msgspec.structs.fields(query)
    ]  # fmt: skip


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without null: a parameter is there or it is not."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else {k: v for k, v in schema.items() if k != "default"}
