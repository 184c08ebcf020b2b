"""Forms come from our own pages: what a browser says of a request's origin must be this host."""

from urllib.parse import urlsplit

from starlette.requests import Request

from bookmeup.errors import Forbidden


def same_origin(request: Request) -> None:
    """Refuse a form that another site's page sends. Who sends neither header is no browser, and bears no cookies."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden("This form was sent from another site.")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("This form was sent from another site.")
