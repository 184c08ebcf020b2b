"""Every pod: what it may do, what it is given, how it starts and stops."""

import re

import pytest
from tests.manifests.rendering import EVERY, SERVICES, Object, Pod, has_canary, render, services

EVERYWHERE = pytest.mark.parametrize("overlay", EVERY)
MAX_CONNECTIONS_OF_A_PROCESS = 12
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
}  # fmt: skip


def is_root_in_dev(overlay: str, container: Object) -> bool:
    return overlay == "dev" and container["name"] == "owner"


@EVERYWHERE
def test_pods_may_do_nothing_special(overlay: str) -> None:
    for pod in render(overlay).pods():
        context = pod.spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] == (999 if pod.name == "postgres" else 10001)
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod.spec)
        for container in pod.containers:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["readOnlyRootFilesystem"] is True
            assert own["capabilities"]["drop"] == ["ALL"]
            if not is_root_in_dev(overlay, container):
                assert "add" not in own["capabilities"]
                assert not {"privileged", "runAsUser", "runAsNonRoot"} & set(own)


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
    assert {pod.spec["serviceAccountName"] for pod in pods} == {pod.name for pod in pods}
    for pod in pods:
        assert rendering.one("ServiceAccount", pod.name)["automountServiceAccountToken"] is False
        assert pod.spec["automountServiceAccountToken"] is (pod.name == "secrets")
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
def test_probes_of_the_services(overlay: str) -> None:
    rendering = render(overlay)
    for name in services(overlay):
        (container,) = rendering.pod(name).main
        asked = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
        assert asked == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
        liveness = container["livenessProbe"]
        assert (liveness["timeoutSeconds"], liveness["failureThreshold"]) == (3, 6)
    for pod in rendering.pods():
        for container in pod.main if pod.name != "secrets" else []:
            probes = [container[probe] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
            assert not any("initialDelaySeconds" in probe for probe in probes)


@EVERYWHERE
def test_services_roll_without_a_gap_and_stop_in_time(overlay: str) -> None:
    rendering = render(overlay)
    for name in services(overlay):
        spec = rendering.one("Deployment", name)["spec"]
        assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        assert (spec["minReadySeconds"], spec["progressDeadlineSeconds"], spec["revisionHistoryLimit"]) == (5, 300, 5)
        pod = rendering.pod(name)
        (container,) = pod.main
        sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert sleep == 10
        assert pod.spec["terminationGracePeriodSeconds"] > sleep + DRAIN_SECONDS


@EVERYWHERE
def test_the_services_spread_softly(overlay: str) -> None:
    for name in services(overlay):
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
            assert {ref["name"] for ref in refs} <= {"bookmeup-secrets"}
            assert {ref["key"] for ref in refs if ref.get("optional")} <= {"POSTGRES_PASSWORD_NEXT"}
            assert not any("secretRef" in source for source in container.get("envFrom", []))
            given[pod.name, container["name"]] = {ref["key"] for ref in refs}
        assert not any("secret" in volume for volume in pod.spec["volumes"])
    expected: dict[tuple[str, str], set[str]] = dict(KEYS)
    if has_canary(overlay):
        expected |= {(f"{pod}-canary", name): keys for (pod, name), keys in KEYS.items() if pod in SERVICES}
    expected |= {("postgres", "owner"): set()} if overlay == "dev" else {("secrets", "secrets"): set()}
    assert given == expected


@EVERYWHERE
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


@EVERYWHERE
def test_connections_fit(overlay: str) -> None:
    rendering = render(overlay)
    found = re.search(r"-c max_connections=(\d+)", rendering.config("postgres-start-")["start.sh"])
    assert found is not None
    replicas = [rendering.replicas(name) for name in services(overlay) if name.startswith("db-service")]
    processes = sum(count + 1 + count for count in replicas)  # one in surge, the old ones terminating
    init, backup, adminer, reserved = 4, 2, 2, 3
    needed = processes * MAX_CONNECTIONS_OF_A_PROCESS + init + backup + adminer + reserved
    assert needed <= int(found[1]) == 200


@EVERYWHERE
def test_the_quota_has_room_for_all_pods_twice(overlay: str) -> None:
    rendering = render(overlay)
    hard = rendering.one("ResourceQuota", "ceiling")["spec"]["hard"]

    def mebibytes(pod: Pod) -> int:
        values = [c["resources"]["limits"]["memory"] for c in pod.main]
        return sum(int(value.removesuffix("Mi")) for value in values)

    biggest = {pod.name: 6 if pod.name in SERVICES else 1 for pod in rendering.pods()}  # component hpa: 2 to 6
    needed = sum(2 * count * mebibytes(rendering.pod(name)) for name, count in biggest.items())
    assert needed <= int(hard["limits.memory"].removesuffix("Gi")) * 1024
    assert 2 * sum(biggest.values()) <= int(hard["pods"])
