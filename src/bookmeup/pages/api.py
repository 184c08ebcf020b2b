"""The API's document, made by `python -m bookmeup openapi`, and a page to read and try it."""

from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bookmeup.pages.rendering import POLICY, show
from bookmeup.pages.visit import page
from bookmeup.web.answers import JSON
from bookmeup.web.operations import ANYONE, operation

DOCUMENT = Path(__file__).parent / "openapi.json"
# Swagger UI is a program that asks our API.
DOCS_POLICY = f"{POLICY}; script-src 'self'; connect-src 'self'"


@cache
def document() -> bytes:
    return DOCUMENT.read_bytes()


async def openapi(_request: Request) -> Response:
    return Response(document(), headers={"Cache-Control": "public, max-age=60"}, media_type=JSON)


async def docs(request: Request) -> Response:
    response = await show(request, "docs.html")
    response.headers["Content-Security-Policy"] = DOCS_POLICY
    return response


routes: list[BaseRoute] = [
    operation("GET", "/openapi.json", openapi, ANYONE, "The OpenAPI document", hidden=True),
    page("GET", "/docs", docs, "The API, to read and try"),
]
