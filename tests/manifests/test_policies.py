"""Who may talk to whom: exactly the edges of the system, found by trying all pairs."""

import pytest
from tests.manifests.policies import OUTSIDERS, edges
from tests.manifests.rendering import EVERY, SERVICES, has, has_canary, render

Edge = tuple[str, str, int]


def anybody(whom: str, port: int) -> set[Edge]:
    """Whoever stands outside."""
    return {(peer.name, whom, port) for peer in OUTSIDERS}


def api_server(who: str) -> set[Edge]:
    """Its address is not known, so that its ports are open to all addresses."""
    return {(who, "api-server", 443), (who, "api-server", 6443), (who, "anybody", 443), (who, "internet", 443)}


EDGES = {
    *anybody("auth-service", 5001),
    *anybody("logic-service", 5002),
    ("auth-service", "db-service", 5003),
    ("logic-service", "db-service", 5003),
    ("logic-service", "auth-service", 5001),
    ("db-service", "postgres", 5432),
    ("adminer", "postgres", 5432),
    ("prometheus", "auth-service", 9001),
    ("prometheus", "logic-service", 9002),
    ("prometheus", "db-service", 9003),
    *((who, "kube-dns", 53) for who in (*SERVICES, "postgres", "adminer")),
}
SECRETS = {*api_server("secrets"), ("secrets", "kube-dns", 53)}
ADDED: dict[str, set[Edge]] = {
    "worker": {("worker", "postgres", 5432), ("prometheus", "worker", 9004), ("worker", "kube-dns", 53)},
    "backup": {
        ("backup", "postgres", 5432),
        ("backup", "kube-dns", 53),
        ("restore", "postgres", 5432),
        ("restore", "kube-dns", 53),
        ("backup-drill", "kube-dns", 53),
    },
    "rotation": {*api_server("rotate"), ("rotate", "kube-dns", 53)},
    "cloudnative-pg": {  # copies follow the primary, and each server tells the API server how it is
        *(("postgres", "postgres", port) for port in (5432, 8000)),
        *(("cnpg-operator", "postgres", port) for port in (5432, 8000)),
        *api_server("postgres"),
    },
    "tls": {*anybody("solver", 8089), ("solver", "kube-dns", 53)},
    "adminer-nodeport": anybody("adminer", 8080),
}


def expected(overlay: str) -> set[Edge]:
    """By `app` alone: a canary's pods may do what the stable ones may, towards both."""
    found = EDGES if has(overlay, "external-secrets") else EDGES | SECRETS
    found = found.union(*(added for part, added in ADDED.items() if has(overlay, part)))
    tracks = {name: (name, f"{name}-canary") for name in SERVICES} if has_canary(overlay) else {}
    return {
        (one, other, port)
        for who, whom, port in found
        for one in tracks.get(who, (who,))
        for other in tracks.get(whom, (whom,))
    }


@pytest.mark.parametrize("overlay", [overlay for overlay in EVERY if overlay != "dev"])
def test_just_the_edges_of_the_system(overlay: str) -> None:
    assert edges(render(overlay)) == expected(overlay)


@pytest.mark.parametrize(
    ("overlay", "name"),
    [
        *(("prod", name) for name in ("postgres", "db-service", "dns", "prometheus", "secrets")),
        ("prod-tls", "acme-solver"),
        ("prod+cloudnative-pg", "cloudnative-pg"),
        ("prod+worker", "worker"),
        ("prod+backup", "backup"),
        ("prod+rotation", "rotation"),
        ("staging+adminer-nodeport", "adminer-nodeport"),
    ],
)
def test_the_simulation_misses_a_policy(overlay: str, name: str) -> None:
    rendering = render(overlay)
    rendering.objects.remove(rendering.one("NetworkPolicy", name))
    assert edges(rendering) != expected(overlay)


def test_nobody_reaches_pods_that_nobody_thought_of() -> None:
    rendering = render("prod")
    for pod in rendering.pods():
        pod.labels["app"] = "unheard-of"
    assert {(who, whom) for who, whom, _ in edges(rendering)} == {(pod.name, "kube-dns") for pod in rendering.pods()}
    rendering.objects.remove(rendering.one("NetworkPolicy", "deny-all"))
    assert ("anybody", "postgres", 5432) in edges(rendering)
