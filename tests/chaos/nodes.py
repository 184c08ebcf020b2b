"""A node is drained, and its pods are evicted within the budget."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.settings import ChaosSettings
from tests.chaos.stage import Scenario, Trial, unavailable
from tests.e2e.cluster import SERVICES, fetch, kubectl, until
from tests.e2e.load import Outcome

MOVING = 30.0
"""Seconds that PostgreSQL may take to another node."""


def without_a_second_node(settings: ChaosSettings) -> str:
    return "" if settings.add_node or len(fetch("nodes")["items"]) > 1 else "one node, and no CHAOS_ADD_NODE"


def spread(trial: Trial) -> None:
    """Have a pod of each service on each of two nodes."""
    if trial.settings.add_node:
        subprocess.run(trial.settings.add_node, check=True, capture_output=True)
    for node in fetch("nodes")["items"]:
        kubectl("wait", "--for=condition=Ready", f"node/{node['metadata']['name']}", "--timeout=120s")
    for name in SERVICES:
        part(trial, name)


def part(trial: Trial, name: str) -> None:
    """Spreading is a wish, and pods stay where they are when a node comes."""
    nodes = {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in trial.environment.pods(name)}
    (victim, node), (_, other) = nodes.items()
    if node != other:
        return
    kubectl("cordon", node)
    try:
        trial.environment.kubectl("delete", "pod", victim)
        trial.environment.wait(name)
    finally:
        kubectl("uncordon", node)


def drain(trial: Trial) -> None:
    """The node that PostgreSQL is not on."""
    environment = trial.environment
    nodes = {pod["spec"]["nodeName"] for name in SERVICES for pod in environment.pods(name)}
    away = sorted(nodes - {home(trial)})
    assert away, "all pods are on one node"
    with drained(trial, away[0]):
        environment.wait(*SERVICES)


def drain_of_postgres(trial: Trial) -> None:
    """Its volume follows it, where the cluster's storage can be reached from more than one node."""
    before = home(trial)
    trial.begin()
    with drained(trial, before):
        trial.environment.wait("postgres")
        trial.note(f"the node empty and PostgreSQL ready on another after {trial.end():.0f} s")
        assert home(trial) != before
        trial.environment.wait(*SERVICES)


def home(trial: Trial) -> str:
    """Return PostgreSQL's node."""
    (postgres,) = trial.environment.pods("postgres")
    return str(postgres["spec"]["nodeName"])


@contextmanager
def drained(trial: Trial, node: str) -> Iterator[None]:
    here = [p for name in SERVICES for p in trial.environment.pods(name) if p["spec"]["nodeName"] == node]
    assert here, "no pod of ours is on the node"
    try:
        kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=300s")
        yield
    finally:
        kubectl("uncordon", node)
    trial.note(f"{len(here)} pods of ours left the node")


def briefly(trial: Trial, outcome: Outcome) -> bool:
    """Whether it was refused because PostgreSQL was on its way, for half a minute at the most."""
    return unavailable(trial, outcome) and outcome.at <= trial.began + MOVING


def evict(trial: Trial) -> None:
    environment = trial.environment
    for name in SERVICES:
        first, second = environment.names(name)
        taken = eviction(environment.namespace, first)
        assert '"Success"' in taken, taken
        refused = eviction(environment.namespace, second)
        assert "TooManyRequests" in refused or "disruption budget" in refused, refused
        until("two are ready again", 120, lambda n=name, f=first: len(set(environment.ready(n)) - {f}) == 2)  # type: ignore[misc]
    trial.note(f"the second eviction: {refused.strip()[-120:]}")


def eviction(namespace: str, pod: str) -> str:
    wanted = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    return kubectl("create", "--raw", path, "-f", "-", given=json.dumps(wanted), check=False)


SCENARIOS = (
    Scenario("a pod of each evicted, the second refused", evict),
    Scenario("node drained", drain, missing=without_a_second_node, prepare=spread),
    Scenario(
        "PostgreSQL's node drained",
        drain_of_postgres,
        f"503 for {MOVING:.0f} s",
        briefly,
        must_fail=True,
        missing=without_a_second_node,
        prepare=spread,
    ),
)
