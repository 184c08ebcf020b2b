"""Every pod: what it may do, what it is given, how it starts and stops."""

from collections.abc import Iterator

import pytest
from tests.manifests.rendering import EVERY, SERVICES, Object, Pod, Rendering, has, has_canary, ours, render, services

EVERYWHERE = pytest.mark.parametrize("overlay", EVERY)
DRAIN_SECONDS = 37
"""Two for telling clients, thirty for requests under way, five for closing pools."""

KEYS = {
    ("auth-service", "bookmeup"): {"JWT_SECRET_KEY", "AUTH_SERVICE_KEY"},
    ("logic-service", "bookmeup"): {"LOGIC_SERVICE_KEY"},
    ("db-service", "migrate"): {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_NEXT"},
    ("db-service", "bookmeup"): {
        "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_NEXT", "AUTH_SERVICE_KEY", "LOGIC_SERVICE_KEY",
    },
    ("postgres", "postgres"): {"POSTGRES_USER", "POSTGRES_PASSWORD"},
    ("adminer", "adminer"): set(),
    ("secrets", "secrets"): set(),
    ("postgres", "owner"): set(),
    ("worker", "bookmeup"): {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_NEXT"},
    ("rotate", "rotate"): set(),
    ("backup", "dump"): {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_NEXT"},
    ("backup", "elsewhere"): set(),
    ("backup-drill", "drill"): set(),
    ("restore", "restore"): {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_NEXT"},
}  # fmt: skip
OPERATOR_S = {"POSTGRES_USER": "username", "POSTGRES_PASSWORD": "password"}
"""The keys of postgres-app, which CloudNativePG's operator makes, in place of ours."""
SERVER_S = {"postgres", "backup", "backup-drill", "restore"}
"""Pods of PostgreSQL's image, whose user is 999."""
BROUGHT_BY = {
    "worker": "worker",
    "rotate": "rotation",
    **dict.fromkeys(("backup", "backup-drill", "restore"), "backup"),
}
WITH_TOKEN = {"secrets": "secrets", "rotate": "rotation"}
"""Who talks to the API server, and as whom."""


def is_root_in_dev(overlay: str, container: Object) -> bool:
    return overlay == "dev" and container["name"] == "owner"


@EVERYWHERE
def test_pods_may_do_nothing_special(overlay: str) -> None:
    for pod in render(overlay).pods():
        context = pod.spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] == (999 if pod.name in SERVER_S else 10001)
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod.spec)
        for container in pod.containers:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["readOnlyRootFilesystem"] is True
            assert own["capabilities"]["drop"] == ["ALL"]
            if not is_root_in_dev(overlay, container):
                assert own["capabilities"] == {"drop": ["ALL"]}
                assert set(own) == {"allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"}


@EVERYWHERE
def test_one_container_is_root_and_in_dev_alone(overlay: str) -> None:
    rendering = render(overlay)
    roots = [
        c["name"] for pod in rendering.pods() for c in pod.containers if c["securityContext"].get("runAsUser") == 0
    ]
    (namespace,) = rendering.all("Namespace")
    level = namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]

    assert (roots, level) == ((["owner"], "baseline") if overlay == "dev" else ([], "restricted"))


@EVERYWHERE
def test_each_has_an_account_without_a_token(overlay: str) -> None:
    rendering = render(overlay)
    pods = list(rendering.pods())
    for pod in pods:
        account = pod.spec["serviceAccountName"]
        assert account == WITH_TOKEN.get(pod.name, pod.name)
        assert rendering.one("ServiceAccount", account)["automountServiceAccountToken"] is False
        assert pod.spec["automountServiceAccountToken"] is (pod.name in WITH_TOKEN)
        assert pod.spec["enableServiceLinks"] is False


@EVERYWHERE
def test_every_container_has_requests_and_limits(overlay: str) -> None:
    for pod in render(overlay).pods():
        for container in pod.containers:
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert (requests["cpu"], limits["cpu"]) == ("100m", "1"), container["name"]
            assert requests["memory"] == limits["memory"]
            assert {"ephemeral-storage"} < set(requests)
            assert {"ephemeral-storage"} < set(limits)
        for volume in pod.spec["volumes"]:
            assert "emptyDir" not in volume or "sizeLimit" in volume["emptyDir"]


@EVERYWHERE
def test_probes(overlay: str) -> None:
    rendering = render(overlay)
    for name in ours(overlay):
        (container,) = rendering.pod(name).main
        asked = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
        assert asked == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
        liveness = container["livenessProbe"]
        assert (liveness["timeoutSeconds"], liveness["failureThreshold"]) == (3, 6)
    for deployment in rendering.all("Deployment"):
        for container in rendering.pod(deployment["metadata"]["name"]).main:
            probes = [container[probe] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
            assert not any("initialDelaySeconds" in probe for probe in probes)


@EVERYWHERE
def test_services_roll_without_a_gap_and_stop_in_time(overlay: str) -> None:
    rendering = render(overlay)
    for name in ours(overlay):
        spec = rendering.one("Deployment", name)["spec"]
        assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        assert (spec["minReadySeconds"], spec["progressDeadlineSeconds"], spec["revisionHistoryLimit"]) == (5, 300, 5)
        pod = rendering.pod(name)
        (container,) = pod.main
        sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"] if name != "worker" else 0
        assert sleep == (10 if name in services(overlay) else 0), "nobody sends a worker anything"
        assert pod.spec["terminationGracePeriodSeconds"] > sleep + DRAIN_SECONDS


@EVERYWHERE
def test_ours_spread_softly(overlay: str) -> None:
    for name in ours(overlay):
        pod = render(overlay).pod(name)
        constraints = pod.spec["topologySpreadConstraints"]
        assert {c["topologyKey"] for c in constraints} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
        for constraint in constraints:
            assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"
            assert constraint["labelSelector"]["matchLabels"] == pod.labels
        assert set(pod.spec["affinity"]["podAntiAffinity"]) == {"preferredDuringSchedulingIgnoredDuringExecution"}


@EVERYWHERE
def test_each_container_has_just_its_keys(overlay: str) -> None:
    given = {}
    for pod in render(overlay).pods():
        for container in pod.containers:
            refs = [e["valueFrom"]["secretKeyRef"] for e in container.get("env", []) if "valueFrom" in e]
            operator_s = {ref["key"] for ref in refs if ref["name"] == "postgres-app"}
            assert {ref["name"] for ref in refs} <= {"bookmeup-secrets", "postgres-app"}
            assert operator_s == {ref["key"] for ref in refs} & set(OPERATOR_S.values())
            assert {ref["key"] for ref in refs if ref.get("optional")} <= {"POSTGRES_PASSWORD_NEXT"}
            assert not any("secretRef" in source for source in container.get("envFrom", []))
            given[pod.name, container["name"]] = {ref["key"] for ref in refs}
        assert not any("secret" in volume for volume in pod.spec["volumes"])
    assert given == expected_keys(overlay)


def expected_keys(overlay: str) -> dict[tuple[str, str], set[str]]:
    expected = {(pod, name): keys for (pod, name), keys in KEYS.items() if is_there(overlay, pod, name)}
    if has_canary(overlay):
        expected |= {(f"{pod}-canary", name): keys for (pod, name), keys in KEYS.items() if pod in SERVICES}
    if has(overlay, "cloudnative-pg"):
        expected = {who: {OPERATOR_S.get(key, key) for key in keys} for who, keys in expected.items()}
    return expected


def is_there(overlay: str, pod: str, container: str) -> bool:
    if pod == "secrets":
        return overlay != "dev" and not has(overlay, "external-secrets")
    if pod == "postgres":
        return not has(overlay, "cloudnative-pg") and (container != "owner" or overlay == "dev")
    return pod not in BROUGHT_BY or has(overlay, BROUGHT_BY[pod])


@pytest.mark.parametrize("overlay", [overlay for overlay in EVERY if not has(overlay, "cloudnative-pg")])
def test_postgres_is_alone_on_its_folder(overlay: str) -> None:
    rendering = render(overlay)
    deployment = rendering.one("Deployment", "postgres")
    (container,) = rendering.pod("postgres").main
    environment = {e["name"]: e.get("value") for e in container["env"]}
    (mount,) = [m["mountPath"] for m in container["volumeMounts"] if m["name"] == "data"]

    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    assert container["command"][:5] == ["flock", "--no-fork", "--exclusive", "--timeout", "60"]
    lock, pgdata = container["command"][5], environment["PGDATA"]
    assert lock.rsplit("/", 1)[0] == mount == str(pgdata).rsplit("/", 1)[0]
    assert (
        rendering.config("postgres-start-")["start.sh"]
        .splitlines()[-1]
        .startswith("exec docker-entrypoint.sh postgres")
    )
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert "-h 127.0.0.1" in " ".join(container[probe]["exec"]["command"]), "the socket answers during initdb too"
    assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] == 1800
    assert rendering.one("PersistentVolumeClaim", "postgres-pvc")["spec"]["resources"]["requests"]["storage"] == "1Gi"


UNITS = {"m": 0.001, "Mi": 2**20, "Gi": 2**30}


def amount(quantity: str) -> float:
    number = quantity.rstrip("mMGi")
    return float(number) * UNITS.get(quantity.removeprefix(number), 1)


def demand(pod: Pod, what: str, name: str) -> float:
    """What a pod counts for: its containers together, or an initial one that asks for more."""
    together = sum(amount(container["resources"][what][name]) for container in pod.main)
    return max([together, *(amount(container["resources"][what][name]) for container in pod.initial)])


def most(rendering: Rendering) -> Iterator[tuple[Pod, int]]:
    """Each pod with how many there may be: six of a service, by the component hpa or by hand, and all of them twice."""
    for pod in rendering.pods():
        yield pod, 2 * (6 if pod.name in SERVICES else 2 if pod.name == "worker" else 1)
    for cluster in rendering.all("Cluster"):  # its operator copies the data in a pod of its own
        spec = {"containers": [{"name": "postgres", "resources": cluster["spec"]["resources"]}]}
        yield Pod("cluster", {}, spec), cluster["spec"]["instances"] + 1


@EVERYWHERE
def test_the_quota_has_room_for_all_pods_twice(overlay: str) -> None:
    rendering = render(overlay)
    hard = dict(rendering.one("ResourceQuota", "ceiling")["spec"]["hard"])
    pods = list(most(rendering))
    assert sum(count for _, count in pods) <= int(hard.pop("pods"))
    for resource, limit in hard.items():
        what, name = resource.split(".")
        assert sum(count * demand(pod, what, name) for pod, count in pods) <= amount(limit), resource
