"""Prometheus figures of a role's HTTP traffic; labels are route templates, so that their number is bounded."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import Scope

UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS = Counter("bookmeup_http_requests", "Requests answered.", ["role", "method", "route", "status"])
SECONDS = Histogram(
    "bookmeup_http_request_seconds",
    "Time from the end of a request's head to the end of its answer.",
    ["role", "method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10),
)
IN_FLIGHT = Gauge("bookmeup_http_requests_in_flight", "Requests being answered now.", ["role"])


# Found once: looking a label up takes longer than counting.
@cache
def _requests(role: str, method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(role, method, route, str(status))


@cache
def _seconds(role: str, method: str, route: str) -> Histogram:
    return SECONDS.labels(role, method, route)


class Figures:
    """The figures of the requests of one role."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._in_flight = IN_FLIGHT.labels(role)

    def begin(self) -> None:
        self._in_flight.inc()

    def end(self, scope: Scope, status: int, seconds: float) -> None:
        self._in_flight.dec()
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        route = route_template(scope) or UNMATCHED
        _requests(self._role, method, route, status).inc()
        _seconds(self._role, method, route).observe(seconds)


def route_template(scope: Scope) -> str | None:
    """Give the innermost matched route's path with its parameters unfilled, or None before or without a match.

    The prefix of a Mount is not in it: the scope holds that only with its values filled in.
    """
    path = getattr(scope.get("route"), "path_format", None)
    return path if isinstance(path, str) else None
