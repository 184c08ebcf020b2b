"""NetworkPolicies, as the API's documentation says they add up, over all pairs of pods of a rendering.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from tests.manifests.rendering import Rendering

NAME_LABEL = "kubernetes.io/metadata.name"
HOME = "home"
"""The namespace of the rendering itself."""


@dataclass(frozen=True)
class Peer:
    """Somebody who talks or listens: a pod here, a pod of another namespace, or an address outside (no labels)."""

    name: str
    namespace: str
    labels: dict[str, str]
    ports: dict[str, int]
    address: str = "10.1.2.3"


STRANGER = Peer("anybody", "elsewhere", {}, {"https": 443, "http": 80, "postgres": 5432})
PROMETHEUS = Peer("prometheus", "monitoring", {"app.kubernetes.io/name": "prometheus"}, {})
DNS = Peer("kube-dns", "kube-system", {"k8s-app": "kube-dns"}, {"dns": 53})
API_SERVER = Peer("api-server", "outside", {}, {"https": 443, "secure": 6443}, "10.96.0.1")
OPERATOR = Peer("cnpg-operator", "cnpg-system", {"app.kubernetes.io/name": "cloudnative-pg"}, {"webhook": 9443})
INTERNET = Peer("internet", "outside", {}, {"https": 443, "submission": 587, "smtp": 25, "ssh": 22}, "198.51.100.7")
OUTSIDERS = (STRANGER, PROMETHEUS, DNS, API_SERVER, OPERATOR, INTERNET)


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In", "the simulation knows no other"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def in_block(address: str, block: dict[str, Any]) -> bool:
    inside, outside = ip_network(block["cidr"]), [ip_network(each) for each in block.get("except", [])]
    return ip_address(address) in inside and not any(ip_address(address) in each for each in outside)


def is_among(peer: Peer, sources: Sequence[dict[str, Any]]) -> bool:
    for source in sources:
        if "ipBlock" in source:
            if in_block(peer.address, source["ipBlock"]):
                return True
            continue
        if "namespaceSelector" in source:
            in_namespace = (
                selects(source["namespaceSelector"], {NAME_LABEL: peer.namespace}) and peer.namespace != "outside"
            )
        else:
            in_namespace = peer.namespace == HOME
        if in_namespace and selects(source.get("podSelector", {}), peer.labels):
            return True
    return False


def lets_through(rules: Iterable[dict[str, Any]], side: str, peer: Peer, listener: Peer, port: int) -> bool:
    """Whether one of the rules allows this peer (the other end) and this port (of the listener)."""
    for rule in rules:
        ports = [listener.ports.get(p["port"], p["port"]) for p in rule.get("ports", [])]
        if (not ports or port in ports) and (side not in rule or is_among(peer, rule[side])):
            return True
    return False


def allowed(policies: Sequence[dict[str, Any]], source: Peer, target: Peer, port: int) -> bool:
    for direction, side, me, other in (("Egress", "to", source, target), ("Ingress", "from", target, source)):
        mine = [
            policy["spec"]
            for policy in policies
            if me.namespace == HOME
            and direction in policy["spec"]["policyTypes"]
            and selects(policy["spec"]["podSelector"], me.labels)
        ]
        rules = [rule for spec in mine for rule in spec.get(direction.lower(), [])]
        if mine and not lets_through(rules, side, other, target, port):
            return False
    return True


def made_by_operators(rendering: Rendering) -> Iterator[Peer]:
    """Pods that stand in no rendering: a Cluster's, and the one by which cert-manager proves whose host it is."""
    for cluster in rendering.all("Cluster"):
        name = cluster["metadata"]["name"]
        labels = {"cnpg.io/cluster": name, **cluster["spec"]["inheritedMetadata"]["labels"]}
        yield Peer(name, HOME, labels, {"postgresql": 5432, "status": 8000, "metrics": 9187})
    doors = [*rendering.all("Ingress"), *rendering.all("Gateway")]
    if any("cert-manager.io/cluster-issuer" in door["metadata"].get("annotations", {}) for door in doors):
        labels = {"acme.cert-manager.io/http01-solver": "true", "acme.cert-manager.io/http-domain": "1"}
        yield Peer("solver", HOME, labels, {"http": 8089})


def edges(rendering: Rendering) -> set[tuple[str, str, int]]:
    """(who, whom, port) of everything that may be reached, between pods here and to or from outsiders."""
    here = [Peer(pod.name, HOME, pod.labels, pod.ports) for pod in rendering.pods()]
    here += made_by_operators(rendering)
    everybody = [*here, *OUTSIDERS]
    policies = rendering.all("NetworkPolicy")
    return {
        (source.name, target.name, port)
        for source in everybody
        for target in everybody
        if HOME in {source.namespace, target.namespace}
        for port in target.ports.values()
        if allowed(policies, source, target, port)
    }
