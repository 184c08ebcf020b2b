"""Selectors, Services and the one door from outside."""

from itertools import combinations

import pytest
from tests.manifests.rendering import EVERY, SERVICES, environment, has, has_canary, matches, ours, render, services

EVERYWHERE = pytest.mark.parametrize("overlay", EVERY)
HOSTS = {
    overlay: "bookmeup.example.com" if has(overlay, "tls") else f"{environment(overlay)}.bookmeup.localhost"
    for overlay in EVERY
    if has(overlay, "tls") or environment(overlay) != "prod"
}
NODE_PORT = {"dev", "staging+adminer-nodeport", "prod+adminer-nodeport"}
"""One of them on a cluster, whose port it is: of the overlays as they are only one."""
AUTH_PATHS = {"/auth", "/.well-known/oauth-authorization-server/auth"}
LOGIC_PATHS = {"/", "/health", "/profile", "/services", "/appointments", "/availability", "/available-timeslots"}


@EVERYWHERE
def test_labels_are_app_and_on_the_services_track(overlay: str) -> None:
    rendering = render(overlay)
    for deployment in rendering.all("Deployment"):
        name = deployment["metadata"]["name"]
        app, track = name.removesuffix("-canary"), "canary" if name.endswith("-canary") else "stable"
        expected = {"app": app} | ({"track": track} if app in SERVICES else {})
        assert deployment["spec"]["selector"] == {"matchLabels": expected}
        assert rendering.pod(name).labels == expected
    selectors = [d["spec"]["selector"]["matchLabels"] for d in rendering.all("Deployment")]
    for one, other in combinations(selectors, 2):
        assert any(one.get(label) != value for label, value in other.items() if label in one), (one, other)


@EVERYWHERE
def test_each_service_selects_one_deployment_and_a_port_of_it(overlay: str) -> None:
    rendering = render(overlay)
    ports = {"auth-service": 5001, "logic-service": 5002, "db-service": 5003, "postgres": 5432, "adminer": 8080}
    if has(overlay, "cloudnative-pg"):
        del ports["postgres"]  # its operator makes Services
    if has_canary(overlay):
        ports |= {f"{name}-canary": ports[name] for name in SERVICES}
    for service in rendering.all("Service"):
        name = service["metadata"]["name"]
        selected = [pod for pod in rendering.pods() if matches(service["spec"]["selector"], pod.labels)]
        assert [pod.name for pod in selected] == [name]
        (port,) = service["spec"]["ports"]
        assert port["port"] == selected[0].ports[port["targetPort"]] == ports.pop(name)
        assert port["targetPort"] != "metrics"
    assert ports == {}


@EVERYWHERE
def test_only_adminer_has_a_node_port_in_dev_or_where_it_is_asked_for(overlay: str) -> None:
    exposed = {
        service["metadata"]["name"]: [port.get("nodePort") for port in service["spec"]["ports"]]
        for service in render(overlay).all("Service")
        if service["spec"].get("type", "ClusterIP") != "ClusterIP"
    }
    assert exposed == ({"adminer": [30080]} if overlay in NODE_PORT else {})


@EVERYWHERE
def test_each_backend_of_the_edge_exists_and_none_is_db(overlay: str) -> None:
    rendering = render(overlay)
    backends = set(rendering.backends())
    for name, number in backends:
        assert number in [port["port"] for port in rendering.one("Service", name)["spec"]["ports"]]
    public = {name for name in services(overlay) if not name.startswith("db-service")}
    assert {name for name, _ in backends} == public


@pytest.mark.parametrize("overlay", [overlay for overlay in EVERY if "gateway" not in overlay])
def test_the_ingress_leads_to_auth_and_logic(overlay: str) -> None:
    rendering = render(overlay)
    reached: dict[str, set[str]] = {}
    for rule, path in rendering.paths():
        assert rule.get("host") == HOSTS.get(overlay)
        assert path["pathType"] == "Prefix"
        reached.setdefault(path["backend"]["service"]["name"], set()).add(path["path"])
    stable = {"auth-service": AUTH_PATHS, "logic-service": LOGIC_PATHS}
    canary = {f"{name}-canary": paths for name, paths in stable.items()} if has_canary(overlay) else {}
    assert reached == stable | canary


@EVERYWHERE
def test_the_door_rewrites_nothing(overlay: str) -> None:
    for ingress in render(overlay).all("Ingress"):
        assert ingress["spec"]["ingressClassName"] == "nginx"
        annotations = ingress["metadata"].get("annotations", {})
        assert not any(word in name for name in annotations for word in ("rewrite", "regex", "snippet"))


@pytest.mark.parametrize("overlay", ["prod-tls", "prod-canary+tls"])
def test_one_host_one_place_in_tls(overlay: str) -> None:
    rendering = render(overlay)
    host = HOSTS[overlay]
    for ingress in rendering.all("Ingress"):
        assert ingress["spec"]["tls"] == [{"hosts": [host], "secretName": "bookmeup-tls"}]
        assert [rule["host"] for rule in ingress["spec"]["rules"]] == [host]
    assert rendering.config()["BASE_URL"] == f"https://{host}"
    asking = [i for i in rendering.all("Ingress") if "cert-manager.io/cluster-issuer" in i["metadata"]["annotations"]]
    assert [ingress["metadata"]["name"] for ingress in asking] == ["bookmeup"], "one certificate is asked for once"


@pytest.mark.parametrize("overlay", [overlay for overlay in EVERY if "gateway-tls" in overlay])
def test_a_gateway_with_tls_answers_one_host_by_https_and_redirects_http(overlay: str) -> None:
    rendering = render(overlay)
    host = HOSTS[overlay]
    gateway = rendering.one("Gateway", "bookmeup")
    plain, secure = gateway["spec"]["listeners"]
    assert (plain["name"], plain["protocol"], plain["port"]) == ("http", "HTTP", 80)
    assert (secure["name"], secure["protocol"], secure["port"], secure["hostname"]) == ("https", "HTTPS", 443, host)
    assert secure["tls"] == {"mode": "Terminate", "certificateRefs": [{"name": "bookmeup-tls"}]}
    assert gateway["metadata"]["annotations"]["cert-manager.io/cluster-issuer"]

    routes = {route["metadata"]["name"]: route["spec"] for route in rendering.all("HTTPRoute")}
    assert {name: route["parentRefs"] for name, route in routes.items()} == {
        "bookmeup": [{"name": "bookmeup", "sectionName": "https"}],
        "bookmeup-redirect": [{"name": "bookmeup", "sectionName": "http"}],
    }
    assert all(route["hostnames"] == [host] for route in routes.values())
    (rule,) = routes["bookmeup-redirect"]["rules"]
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    assert rule == {"filters": [redirect]}, "every path, and nothing of it reaches a service"
    assert rendering.config()["BASE_URL"] == f"https://{host}"


def test_no_host_or_port_is_claimed_twice() -> None:
    doors = [rule.get("host") for overlay in ("dev", "staging", "prod") for rule, _ in render(overlay).paths()]
    assert len(set(doors)) == 3


@EVERYWHERE
def test_all_find_each_other(overlay: str) -> None:
    rendering = render(overlay)
    operator_s = {f"{cluster['metadata']['name']}-rw" for cluster in rendering.all("Cluster")}
    for pod in rendering.pods():
        for container in pod.containers:
            for entry in container.get("env", []):
                if entry["name"].endswith("_SERVICE_URL"):
                    host, port = entry["value"].removeprefix("http://").split(":")
                    assert host.endswith("-canary") == pod.name.endswith("-canary"), "a request stays in its slice"
                    assert rendering.one("Service", host)["spec"]["ports"][0]["port"] == int(port)
                if entry["name"] in {"POSTGRES_HOST", "PGHOST", "ADMINER_DEFAULT_SERVER"}:
                    made = {service["metadata"]["name"] for service in rendering.all("Service")}
                    assert entry["value"] in (operator_s or made), "where there is a Cluster nobody else is asked"


@EVERYWHERE
def test_disruption_is_limited_for_the_services_and_workers_alone(overlay: str) -> None:
    budgets = {
        b["spec"]["selector"]["matchLabels"]["app"]: b["spec"] for b in render(overlay).all("PodDisruptionBudget")
    }
    assert set(budgets) == (set() if overlay == "dev" else {name.removesuffix("-canary") for name in ours(overlay)})
    for budget in budgets.values():
        assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
