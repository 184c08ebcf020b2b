"""The two cookies of the pages: the access token, and the page session that renews it."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

ACCESS_COOKIE, SESSION_COOKIE = "bookmeup", "bookmeup-session"
ALIVE_SECONDS = 12 * 3600


class Cookies:
    """With a base URL of https they are `__Host-` and Secure (RFC 6265bis), else HttpOnly and SameSite=Lax alone."""

    def __init__(self, base_url: str) -> None:
        self._secure = urlsplit(base_url).scheme == "https"
        self._prefix = "__Host-" if self._secure else ""

    def read(self, request: Request, name: str) -> str | None:
        return request.cookies.get(self._prefix + name)

    def set(self, response: Response, name: str, value: str) -> None:
        response.set_cookie(
            self._prefix + name,
            value,
            max_age=ALIVE_SECONDS,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def drop(self, response: Response, name: str) -> None:
        response.delete_cookie(self._prefix + name, path="/", secure=self._secure, httponly=True, samesite="lax")
