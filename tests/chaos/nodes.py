"""A node is drained, and its pods are evicted within the budget."""

import json
import subprocess

from tests.chaos.settings import ChaosSettings
from tests.chaos.stage import Scenario, Trial
from tests.e2e.cluster import SERVICES, fetch, kubectl, until


def without_a_second_node(settings: ChaosSettings) -> str:
    return "" if settings.add_node or len(fetch("nodes")["items"]) > 1 else "one node, and no CHAOS_ADD_NODE"


def spread(trial: Trial) -> None:
    """Have pods of ours on each of two nodes."""
    if trial.settings.add_node:
        subprocess.run(trial.settings.add_node, check=True, capture_output=True)
    for node in fetch("nodes")["items"]:
        kubectl("wait", "--for=condition=Ready", f"node/{node['metadata']['name']}", "--timeout=120s")
    for name in SERVICES:
        trial.environment.kubectl("rollout", "restart", f"deployment/{name}")
    trial.environment.wait(*SERVICES)


def drain(trial: Trial) -> None:
    """The node that PostgreSQL is not on: moving that takes half a minute of 503, which `database` measures."""
    environment = trial.environment
    (postgres,) = environment.pods("postgres")
    nodes = {pod["spec"]["nodeName"] for name in SERVICES for pod in environment.pods(name)}
    away = sorted(nodes - {postgres["spec"]["nodeName"]})
    assert away, "all pods are on one node"
    here = [p for name in SERVICES for p in environment.pods(name) if p["spec"]["nodeName"] == away[0]]
    try:
        kubectl("drain", away[0], "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=300s")
        environment.wait(*SERVICES)
    finally:
        kubectl("uncordon", away[0])
    trial.note(f"{len(here)} pods of ours left the node")


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
)
