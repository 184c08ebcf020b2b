"""A tenth of the requests for another version, by the Ingress and by a Gateway; then none of them, then all."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle

import pytest
from tests.e2e.client import Client
from tests.e2e.cluster import SERVICES, Environment, kubectl, new_name, say, until
from tests.e2e.load import Load, Shot
from tests.e2e.salon import Salon, day
from tests.e2e.settings import Settings
from tests.e2e.tree import Tree, copy

pytestmark = pytest.mark.usefixtures("through_ingress")
REQUESTS = 2000
ALWAYS, NEVER = {"X-Canary": "always"}, {"X-Canary": "never"}
BOTH = ("/health", "/auth/health")
"""One path of each public service; both say their version."""
BEHIND_THE_GATEWAY = {"CANARY": "prod-gateway-canary", "STABLE": "prod-gateway"}


@pytest.fixture(scope="module")
def latest(settings: Settings) -> str:
    if settings.next_image is None:
        pytest.skip("THERE IS NO E2E_NEXT_IMAGE: THE CANARY IS NOT TESTED")
    return new_name(settings.next_image)["newTag"]


@pytest.fixture(scope="module")
def tree(
    prod: Environment, edge: Client, latest: str, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tree]:
    """The manifests; prod is as it was at first, before and after."""
    prod.apply()
    prod.wait()
    until("the edge answers", 60, lambda: edge.get("/health").status == 200)
    yield copy(prod, settings.next_image or "", tmp_path_factory.mktemp("tree") / "kustomize")
    for kinds in ("ingress,deployment,service,serviceaccount", "httproute,gateway"):
        label = "track=canary" if kinds.startswith("ingress") else "app=edge"
        prod.kubectl("delete", kinds, f"--selector={label}", "--ignore-not-found", check=False)
    prod.apply()
    prod.wait()


@pytest.fixture
def load(salon: Salon, settings: Settings) -> Load:
    salon.log_in_again()
    return Load(salon.plan, settings.rate)


def versions(client: Client, rate: float) -> Counter[str]:
    """How many of at least `REQUESTS` answers, half of them of each service, each version gave."""

    def plan() -> Iterator[Shot]:
        for path in cycle(BOTH):
            yield Shot(path, "GET", path, client)

    with Load(plan, rate) as running:
        until("the requests are answered", 300, lambda: len(running.outcomes) >= REQUESTS)
    assert len(running.failed) == 0, running.report("asking for versions")
    return Counter(json.loads(outcome.body)["version"] for outcome in running.outcomes)


def forced(client: Client, headers: dict[str, str]) -> set[str]:
    answers = [client.call("GET", path, headers=headers) for path in BOTH * 100]
    assert {answer.status for answer in answers} == {200}
    return {answer.json["version"] for answer in answers}


def share(found: Counter[str], version: str) -> float:
    return found[version] / found.total()


def canaries(environment: Environment) -> list[str]:
    kinds = "deployments,services,serviceaccounts,ingresses"
    return [each["metadata"]["name"] for each in environment.fetch(kinds, "--selector=track=canary")["items"]]


def test_a_tenth_by_the_ingress_and_all_by_the_header(
    tree: Tree, load: Load, edge: Client, latest: str, settings: Settings
) -> None:
    with load:
        tree.canary("try", latest)
        until("the edge leads to the canary", 30, lambda: forced(edge, ALWAYS) == {latest})
    assert len(load.failed) == 0, load.report("the canary comes up")

    found = versions(edge, settings.rate * 2)
    say(load.report("the canary comes up"))
    say(f"the Ingress, weight 10: {dict(found)}, the canary's share {share(found, latest):.1%}")
    assert 0.07 <= share(found, latest) <= 0.13
    assert forced(edge, ALWAYS) == {latest}
    assert latest not in forced(edge, NEVER)


def test_both_versions_share_tokens_and_data(tree: Tree, salon: Salon) -> None:
    salon.log_in_again()
    customer, (date, start) = salon.customers[0], next(salon.slots)
    body = {"service_id": salon.service, "date": date, "time": start}
    booked = customer.expect(201, "POST", "/appointments", body, ALWAYS)["object_id"]
    assert date >= day(2)
    for headers in (ALWAYS, NEVER):
        mine = customer.expect(200, "GET", "/appointments/me", None, headers)
        assert booked in [appointment["id"] for appointment in mine]
        assert customer.call("POST", "/appointments", body, headers).status == 409
    salon.expected.add(booked)
    requests = tree.environment.kubectl("exec", "deployment/db-service-canary", "--", "python", "-c", COUNT)
    say(f"booked by the canary, seen by both, refused by both; its own db answered {requests.strip()} requests")
    assert int(requests) > 0, "a request stays in the slice it came into"


COUNT = """
from urllib.request import urlopen
lines = urlopen("http://127.0.0.1:9003/metrics").read().decode().splitlines()
print(int(sum(float(l.split()[-1]) for l in lines if l.startswith("bookmeup_http_requests_total{") and "POST" in l)))
"""


def test_abort_leaves_stable_alone(tree: Tree, load: Load, edge: Client, latest: str) -> None:
    before = tree.environment.restarts()
    with load:
        time.sleep(3)
        tree.canary("abort")
        time.sleep(10)
    say(load.report("abort"))
    assert len(load.failed) == 0
    assert canaries(tree.environment) == []
    assert latest not in forced(edge, {})
    stable = {pod: number for pod, number in before.items() if "-canary-" not in pod}
    assert stable.items() <= tree.environment.restarts().items()


def test_promote_brings_the_version_to_all(tree: Tree, load: Load, edge: Client, latest: str) -> None:
    tree.canary("try", latest)
    with load:
        time.sleep(3)
        tree.canary("promote")
        time.sleep(10)
    say(load.report("promote"))
    assert len(load.failed) == 0
    assert canaries(tree.environment) == []
    assert tree.version("prod", "bookmeup") == latest
    assert forced(edge, {}) == {latest}
    images = [tree.environment.fetch("deployment", name)["spec"]["template"]["spec"] for name in SERVICES]
    assert {spec["containers"][0]["image"].rpartition(":")[2] for spec in images} == {latest}


@pytest.fixture
def gateway(tree: Tree, edge: Client) -> None:
    """prod-gateway in place of prod, whose Ingress goes."""
    if "traefik" not in kubectl("get", "gatewayclasses", check=False):
        pytest.skip("THERE IS NO GatewayClass traefik: THE GATEWAY IS NOT TESTED")
    tree.environment.apply()
    tree.environment.wait()
    kubectl("apply", "-k", str(tree.path("prod-gateway").parent))
    tree.environment.kubectl("delete", "ingress", "bookmeup")
    until("the Gateway answers", 60, lambda: {edge.get(path).status for path in BOTH} == {200})


def test_the_same_by_a_gateway(
    gateway: None, tree: Tree, load: Load, edge: Client, latest: str, settings: Settings
) -> None:
    assert edge.get("/auth/.well-known/jwks.json").status == 200
    assert edge.get("/.well-known/oauth-authorization-server/auth").status in {200, 404}
    tree.canary("try", latest, **BEHIND_THE_GATEWAY)
    until("the Gateway leads to the canary", 30, lambda: forced(edge, ALWAYS) == {latest})
    found = versions(edge, settings.rate * 2)
    say(f"the Gateway, weights 90 and 10: {dict(found)}, the canary's share {share(found, latest):.1%}")
    assert 0.07 <= share(found, latest) <= 0.13
    with load:
        time.sleep(3)
        tree.canary("abort", **BEHIND_THE_GATEWAY)
        time.sleep(10)
    say(load.report("abort behind the Gateway"))
    assert len(load.failed) == 0
    assert canaries(tree.environment) == []
    assert latest not in forced(edge, ALWAYS)
