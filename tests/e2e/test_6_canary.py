"""A tenth of the requests for another version, by the Ingress and by a Gateway; then none of them, then all."""

import time
from collections.abc import Iterator
from functools import partial

import pytest
from tests.e2e.client import Client
from tests.e2e.cluster import SERVICES, Environment, kubectl, new_name, say, until
from tests.e2e.load import Load
from tests.e2e.salon import Salon
from tests.e2e.settings import Settings
from tests.e2e.shares import ALWAYS, BOTH, NEVER, canaries, count, force, load_of_health, serves, shares
from tests.e2e.tree import Tree, copy

from bookmeup import __version__

pytestmark = pytest.mark.usefixtures("through_ingress")
REQUESTS = 2000
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
    restore(prod)
    until("the edge answers", 60, lambda: edge.get("/health").status == 200)
    yield copy(prod, settings.next_image or "", tmp_path_factory.mktemp("tree") / "kustomize")
    for kinds in ("ingress,deployment,service,serviceaccount", "httproute,gateway"):
        label = "track=canary" if kinds.startswith("ingress") else "app=edge"
        prod.kubectl("delete", kinds, f"--selector={label}", "--ignore-not-found", check=False)
    restore(prod)


def restore(prod: Environment) -> None:
    """Its own image again."""
    prod.apply_again()
    prod.wait()


@pytest.fixture
def load(salon: Salon, settings: Settings) -> Load:
    salon.log_in_again()
    return Load(salon.plan, settings.rate)


def test_a_tenth_by_the_ingress_and_all_by_the_header(
    tree: Tree, load: Load, edge: Client, latest: str, settings: Settings
) -> None:
    with load:
        tree.canary("try", latest)
        until("the edge leads to the canary", 30, lambda: serves(edge, latest, ALWAYS))
    say(load.report("the canary comes up"))
    assert load.broken == []
    check_split(tree.environment, edge, settings.rate * 2)


def check_split(environment: Environment, edge: Client, rate: float) -> None:
    found = shares(environment, lambda: load_of_health(edge, rate, REQUESTS))
    always, never = (shares(environment, partial(force, edge, headers)) for headers in (ALWAYS, NEVER))
    say(f"the canary's share of {REQUESTS} requests and more: {found}; forced: {always}, refused: {never}")
    assert all(0.07 <= share <= 0.13 for share in found.values())
    assert set(always.values()) == {1.0}
    assert set(never.values()) == {0.0}


def test_both_versions_share_tokens_and_data(tree: Tree, salon: Salon) -> None:
    salon.log_in_again()
    customer, body = salon.customers[0], {"service_id": salon.service, **next(salon.slots)}
    booked = customer.expect(201, "POST", "/appointments", body, ALWAYS)["object_id"]
    for headers in (ALWAYS, NEVER):
        mine = customer.expect(200, "GET", "/appointments/me", None, headers)
        assert booked in [appointment["id"] for appointment in mine]
        assert customer.call("POST", "/appointments", body, headers).status == 409
    salon.expected.add(booked)
    (pod,) = [p for p in tree.environment.pods("db-service") if p["metadata"]["labels"]["track"] == "canary"]
    requests = count(tree.environment, pod, 9003, "POST")
    say(f"booked by the canary, seen by both, refused by both; its own db answered {requests} POST requests")
    assert requests > 0, "a request stays in the slice it came into"


def test_abort_leaves_stable_alone(tree: Tree, load: Load, edge: Client, latest: str) -> None:
    before = tree.environment.restarts()
    with load:
        time.sleep(3)
        tree.canary("abort")
        time.sleep(10)
    say(load.report("abort"))
    assert load.broken == []
    assert canaries(tree.environment) == []
    assert serves(edge, __version__, {})
    stable = {pod: number for pod, number in before.items() if "-canary-" not in pod}
    assert stable.items() <= tree.environment.restarts().items()


def test_promote_brings_the_version_to_all(tree: Tree, load: Load, edge: Client, latest: str) -> None:
    tree.canary("try", latest)
    with load:
        time.sleep(3)
        tree.canary("promote")
        time.sleep(10)
    say(load.report("promote"))
    assert load.broken == []
    assert canaries(tree.environment) == []
    assert tree.version("prod", "bookmeup") == latest
    assert serves(edge, latest, {})
    images = [tree.environment.fetch("deployment", name)["spec"]["template"]["spec"] for name in SERVICES]
    assert {spec["containers"][0]["image"].rpartition(":")[2] for spec in images} == {latest}


@pytest.fixture
def gateway(gateway_class: None, tree: Tree, edge: Client) -> None:
    """prod-gateway in place of prod, whose Ingress goes."""
    tree.reset()
    restore(tree.environment)
    kubectl("apply", "-k", str(tree.path("prod-gateway").parent))
    tree.environment.kubectl("delete", "ingress", "bookmeup")
    until("the Gateway answers", 60, lambda: {edge.get(path).status for path in BOTH} == {200})


def test_the_same_by_a_gateway(
    gateway: None, tree: Tree, load: Load, edge: Client, latest: str, settings: Settings
) -> None:
    assert edge.get("/auth/.well-known/jwks.json").status == 200
    tree.canary("try", latest, **BEHIND_THE_GATEWAY)
    until("the Gateway leads to the canary", 30, lambda: serves(edge, latest, ALWAYS))
    check_split(tree.environment, edge, settings.rate * 2)
    with load:
        time.sleep(3)
        tree.canary("abort", **BEHIND_THE_GATEWAY)
        time.sleep(10)
    say(load.report("abort behind the Gateway"))
    assert load.broken == []
    assert canaries(tree.environment) == []
    assert serves(edge, __version__, ALWAYS)
