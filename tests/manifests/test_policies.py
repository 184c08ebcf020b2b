"""Who may talk to whom: exactly the edges of the system, found by trying all pairs."""

import pytest
from tests.manifests.policies import edges
from tests.manifests.rendering import EVERY, SERVICES, has_canary, render

EDGES = {
    ("anybody", "auth-service", 5001),
    ("anybody", "logic-service", 5002),
    ("auth-service", "db-service", 5003),
    ("logic-service", "db-service", 5003),
    ("logic-service", "auth-service", 5001),
    ("db-service", "postgres", 5432),
    ("adminer", "postgres", 5432),
    ("prometheus", "auth-service", 9001),
    ("prometheus", "logic-service", 9002),
    ("prometheus", "db-service", 9003),
    ("secrets", "api-server", 443),
    ("secrets", "api-server", 6443),
}
OTHER_CALLERS = {  # any → auth, logic: whoever stands outside may, so the named outsiders may too
    (who, whom, port)
    for who in ("prometheus", "kube-dns", "api-server")
    for whom, port in (("auth-service", 5001), ("logic-service", 5002))
}
NAMES = {(who, "kube-dns", 53) for who in (*SERVICES, "postgres", "adminer", "secrets")}
# The API server's address is not known, so its port is open to all addresses.
SAME_PORT = {("secrets", "anybody", 443)}


def expected(overlay: str) -> set[tuple[str, str, int]]:
    """By `app` alone: a canary's pods may do what the stable ones may, towards both."""
    tracks = {name: (name, f"{name}-canary") for name in SERVICES} if has_canary(overlay) else {}
    return {
        (one, other, port)
        for who, whom, port in EDGES | OTHER_CALLERS | NAMES | SAME_PORT
        for one in tracks.get(who, (who,))
        for other in tracks.get(whom, (whom,))
    }


@pytest.mark.parametrize("overlay", [overlay for overlay in EVERY if overlay != "dev"])
def test_just_the_edges_of_the_system(overlay: str) -> None:
    assert edges(render(overlay)) == expected(overlay)


@pytest.mark.parametrize("name", ["deny-all", "postgres", "db-service", "dns", "prometheus"])
def test_the_simulation_misses_a_policy(name: str) -> None:
    rendering = render("prod")
    rendering.objects.remove(rendering.one("NetworkPolicy", name))
    if name != "deny-all":
        assert edges(rendering) != EDGES | OTHER_CALLERS | NAMES | SAME_PORT
    else:  # it is there for the pods that nobody thought of
        for pod in rendering.pods():
            pod.labels["app"] = "unheard-of"
        assert ("anybody", "postgres", 5432) in edges(rendering)
