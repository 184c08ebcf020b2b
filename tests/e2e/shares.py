"""Which version answers: by the pods' own figures, and by what /health says."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

from tests.e2e.client import Client
from tests.e2e.cluster import Environment, until
from tests.e2e.load import Load, Shot

ALWAYS, NEVER = {"X-Canary": "always"}, {"X-Canary": "never"}
BOTH = ("/health", "/auth/health")
"""One path of each public service."""
PORTS = {"auth-service": 9001, "logic-service": 9002}


def load_of_health(client: Client, rate: float, requests: int) -> Load:
    """At least so many, half of them to each public service, all answered."""

    def plan() -> Iterator[Shot]:
        for path in cycle(BOTH):
            yield Shot(path, "GET", path, client)

    with Load(plan, rate) as running:
        until("the requests are answered", 300 + requests / rate, lambda: len(running.outcomes) >= requests)
    assert len(running.failed) == 0, running.report("asking for health")
    return running


def force(client: Client, headers: dict[str, str]) -> None:
    assert {client.call("GET", path, headers=headers).status for path in BOTH * 100} == {200}


def shares(environment: Environment, send: Callable[[], object]) -> dict[str, float]:
    """What part of the requests for /health that were sent the canary's pods answered, by their own figures."""
    before = answered(environment)
    send()
    came = answered(environment) - before
    return {app: round(came[app, "canary"] / (came[app, "canary"] + came[app, "stable"]), 4) for app in PORTS}


def answered(environment: Environment) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for app, port in PORTS.items():
        for pod in environment.pods(app):
            counts[app, pod["metadata"]["labels"]["track"]] += count(environment, pod, port, 'health"')
    return counts


def count(environment: Environment, pod: Any, port: int, what: str) -> int:
    """Requests that a pod has answered, of the series that contain `what`."""
    figures = environment.kubectl("exec", pod["metadata"]["name"], "--", "python", "-c", FIGURES.format(port))
    lines = [line for line in figures.splitlines() if line.startswith("bookmeup_http_requests_total{")]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines if what in line))


FIGURES = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:{}/metrics').read().decode())"


def serves(client: Client, version: str, headers: dict[str, str]) -> bool:
    """Whether all of a hundred answers are this version's."""
    answers = (client.call("GET", "/health", headers=headers) for _ in range(100))
    return all(answer.status == 200 and answer.json["version"] == version for answer in answers)


def canaries(environment: Environment) -> list[str]:
    kinds = "deployments,services,serviceaccounts,ingresses"
    return [each["metadata"]["name"] for each in environment.fetch(kinds, "--selector=track=canary")["items"]]
