"""The OpenAPI document is valid, whole, and says what the routes are."""

import json
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from msgspec import Struct
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Mount, Route

from bookmeup.auth.app import create_app as auth_app
from bookmeup.cli.openapi import command
from bookmeup.clients.transport import Reply
from bookmeup.errors import BY_CODE
from bookmeup.logic.app import create_app as logic_app
from bookmeup.web.openapi import operations
from bookmeup.web.operations import Anyone, Operation

KEY = "k" * 40
HIDDEN: dict[str, str] = {
    "/livez": "a probe, not for clients",
    "/readyz": "a probe, not for clients",
    "/openapi.json": "the document itself",
    "/docs": "the page that shows the document",
    "/auth/sign-in": "a form of the pages, answers with a redirect",
    "/auth/sign-up": "a form of the pages, answers with a redirect",
    "/auth/sign-out": "a form of the pages, answers with a redirect",
    "/auth/renew": "the pages' own way round through auth",
    "/": "a page",
    "/sign-in": "a page",
    "/sign-up": "a page",
    "/book/{id}": "a page",
    "/book/{id}/confirm": "a page",
    "/my": "a page",
    "/my/{id}/cancel": "a page",
    "/static/{name}": "a file of the pages",
}
"""Public routes that the document leaves out, and why."""


class Nowhere:
    async def request(self, *_: object) -> Reply:
        raise AssertionError

    async def close(self) -> None:
        pass


APPS = (auth_app(Nowhere(), [KEY], KEY), logic_app(Nowhere(), Nowhere(), [KEY]))


def public_routes() -> Iterable[Route]:
    for app in APPS:
        for route in app.routes:
            if isinstance(route, Route):
                yield route


def document() -> dict[str, Any]:
    done = CliRunner().invoke(command)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


DOCUMENT = document()
OPERATIONS = [
    (method, path, described) for path, methods in DOCUMENT["paths"].items() for method, described in methods.items()
]


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"].startswith("3.1.")


def references(part: object) -> Iterator[str]:
    """Yield all that a part of the document refers to."""
    if isinstance(part, dict):
        yield from (target for name, target in part.items() if name == "$ref")
        yield from (found for each in part.values() for found in references(each))
    elif isinstance(part, list):
        yield from (found for each in part for found in references(each))


def test_what_the_document_refers_to_is_in_it() -> None:
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(references(DOCUMENT)) == schemas


MESSAGES = {name: schema for name, schema in DOCUMENT["components"]["schemas"].items() if "enum" not in schema}


@pytest.mark.parametrize("name", MESSAGES)
def test_each_message_has_an_example_that_is_one(name: str) -> None:
    (example,) = MESSAGES[name]["examples"]
    assert example
    whole = {**MESSAGES[name], "components": DOCUMENT["components"]}
    assert [str(error) for error in OAS31Validator(whole).iter_errors(example)] == []


BODIES: dict[str, type[Struct]] = {
    operation.body.__name__: operation.body for operation in operations(public_routes()) if operation.body is not None
}


@pytest.mark.parametrize("name", BODIES)
def test_each_example_of_a_body_is_taken(name: str) -> None:
    (example,) = MESSAGES[name]["examples"]
    assert msgspec.json.decode(json.dumps(example), type=BODIES[name])


def test_the_document_that_is_kept_is_the_document_of_the_routes() -> None:
    """Make it anew with `python -m bookmeup openapi`."""
    kept = Path(str(files("bookmeup"))) / "pages" / "openapi.json"
    if not kept.exists():
        pytest.skip("the document is not kept in the repository")
    assert json.loads(kept.read_text()) == DOCUMENT


def test_operation_ids_are_unique() -> None:
    ids = [described["operationId"] for _, _, described in OPERATIONS]
    assert len(ids) == len(set(ids)) > 20


def declared(route: Route) -> Operation:
    found = getattr(route.endpoint, "operation", None)
    assert isinstance(found, Operation), f"{route.path} has no operation: nobody said who may call it"
    return found


def test_every_public_route_is_in_it_or_hidden_for_a_reason() -> None:
    shown = {(method.upper(), path) for method, path, _ in OPERATIONS}
    for route in public_routes():
        operation = declared(route)
        path = route.path_format
        if operation.hidden:
            assert path in HIDDEN, f"{path} is hidden: say why"
        else:
            assert (operation.method, path) in shown


def test_nothing_is_mounted_past_the_operations() -> None:
    assert [route for app in APPS for route in app.routes if not isinstance(route, Route | Mount)] == []


def test_who_may_call_is_said() -> None:
    by_place = {(o.method, r.path_format): o for r in public_routes() for o in [declared(r)]}
    for method, path, described in OPERATIONS:
        access = by_place[method.upper(), path].access
        assert bool(described.get("security")) == (not isinstance(access, Anyone)), path
        assert ("401" in described["responses"]) >= bool(described.get("security")), path


def test_every_refusal_is_a_problem_document() -> None:
    for _, path, described in OPERATIONS:
        for status, response in described["responses"].items():
            expected = {"application/problem+json"} if int(status) >= 400 else {"application/json", "text/plain"}
            assert set(response.get("content", expected)) <= expected, (path, status)


def test_codes_in_the_descriptions_are_codes() -> None:
    for _, path, described in OPERATIONS:
        for status, response in described["responses"].items():
            if int(status) >= 400:
                codes = response["description"].split(", ")
                assert codes
                assert all(BY_CODE[code].status == int(status) for code in codes), path


def test_parameters_of_the_path_are_all_described() -> None:
    for _, path, described in OPERATIONS:
        names = {each["name"] for each in described.get("parameters", ()) if each["in"] == "path"}
        assert names == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path


@pytest.mark.parametrize("word", ["password_hash", "sealed", "svc+jwt", "Credentials", "NewSession", "SigningKey"])
def test_nothing_internal_is_in_it(word: str) -> None:
    assert word not in json.dumps(DOCUMENT)


QUESTIONS = {
    "/available-timeslots/next": "takes a count",
    "/available-timeslots/verdicts": "one row a provider, asked of one start",
}
"""What answers with rows and is no list."""


def test_every_list_is_read_in_pages() -> None:
    for method, path, described in OPERATIONS:
        schema = described["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        if method == "get" and schema.get("type") == "array" and path not in QUESTIONS:
            assert {"limit", "cursor"} <= {one["name"] for one in described["parameters"]}, path


def test_it_says_that_the_last_admin_stays_one() -> None:
    assert "409" in DOCUMENT["paths"]["/auth/users/{id}/role"]["put"]["responses"]
