"""The pages' own files: only those that are there by name; their URLs change with their content."""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute

from bookmeup.errors import NotFound
from bookmeup.web.operations import ANYONE, operation

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
FOREVER, SHORTLY = "public, max-age=31536000, immutable", "public, max-age=60"


class File(NamedTuple):
    path: Path
    media: str
    version: str


@cache
def files() -> dict[str, File]:
    """Return what may be fetched, by name; the version is of the content."""
    return {
        path.name: File(path, TYPES[path.suffix], hashlib.sha256(path.read_bytes()).hexdigest()[:16])
        for path in sorted(FOLDER.iterdir())
        if path.suffix in TYPES
    }


def url(name: str) -> str:
    return f"/static/{name}?v={files()[name].version}"


async def static(request: Request) -> Response:
    """Look the name up; it is never made into a path, so that none leads elsewhere."""
    file = files().get(request.path_params["name"])
    if file is None:
        raise NotFound
    current = request.query_params.get("v") == file.version
    headers = {"Cache-Control": FOREVER if current else SHORTLY, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        content = await to_thread.run_sync(_zipped, file)
        return Response(content, headers=headers | {"Content-Encoding": "gzip"}, media_type=file.media)
    return FileResponse(file.path, headers=headers, media_type=file.media)


@cache
def _zipped(file: File) -> bytes:
    """Compress once: Swagger UI is 1.7 MB, and 0.5 MB so."""
    return gzip.compress(file.path.read_bytes(), mtime=0)


routes: list[BaseRoute] = [operation("GET", "/static/{name}", static, ANYONE, "A file of the pages", hidden=True)]
