"""What the overlays say and what they don't: kinds, tags, secrets, differences."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from tests.manifests.combinations import ROOT
from tests.manifests.rendering import (
    EVERY,
    OVERLAYS,
    SERVICES,
    SLICE,
    environment,
    has,
    has_canary,
    kustomize,
    ours,
    render,
    text,
)

EVERYWHERE = pytest.mark.parametrize("overlay", EVERY)
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
BUILT_IN = {
    "v1": {"ConfigMap", "LimitRange", "Namespace", "PersistentVolume", "PersistentVolumeClaim", "ResourceQuota"}
    | {"Secret", "Service", "ServiceAccount"},
    "apps/v1": {"Deployment"},
    "autoscaling/v2": {"HorizontalPodAutoscaler"},
    "batch/v1": {"CronJob", "Job"},
    "networking.k8s.io/v1": {"Ingress", "NetworkPolicy"},
    "policy/v1": {"PodDisruptionBudget"},
    "rbac.authorization.k8s.io/v1": {"Role", "RoleBinding"},
}
GATEWAY = {"gateway.networking.k8s.io/v1": {"Gateway", "HTTPRoute"}}
CUSTOM = {
    "gateway": GATEWAY,
    "monitoring": {"monitoring.coreos.com/v1": {"PodMonitor", "PrometheusRule"}},
    "external-secrets": {"external-secrets.io/v1": {"ExternalSecret"}},
    "cloudnative-pg": {"postgresql.cnpg.io/v1": {"Cluster"}},
}
"""Kinds that need a definition on the cluster, by what brings them."""
NAMESPACES = {"dev": "bookmeup-dev", "staging": "bookmeup-staging", "prod": "bookmeup"}
ENVIRONMENTS = {"dev": "dev", "staging": "staging", "prod": "production"}


@EVERYWHERE
def test_a_bare_cluster_takes_it(overlay: str) -> None:
    known = dict(BUILT_IN)
    for part, kinds in CUSTOM.items():
        known |= kinds if has(overlay, part) else {}
    for thing in render(overlay).objects:
        assert thing["kind"] in known[thing["apiVersion"]]
        assert thing["kind"] != "CronJob" or has(overlay, "backup") or has(overlay, "rotation")


@EVERYWHERE
def test_everything_is_in_its_namespace(overlay: str) -> None:
    rendering = render(overlay)
    (namespace,) = rendering.all("Namespace")
    assert namespace["metadata"]["name"] == NAMESPACES[environment(overlay)]
    for thing in rendering.objects:
        if thing["kind"] not in {"Namespace", "PersistentVolume"}:
            assert thing["metadata"]["namespace"] == NAMESPACES[environment(overlay)], thing["metadata"]["name"]
    for binding in rendering.all("RoleBinding"):
        assert [subject["namespace"] for subject in binding["subjects"]] == [NAMESPACES[environment(overlay)]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_both_ways_of_saying_it_are_equal(overlay: str) -> None:
    assert kustomize(f"overlays/{overlay}", ROOT / "kustomize").stdout == text(overlay)


@EVERYWHERE
def test_images_have_version_tags(overlay: str) -> None:
    by_pod = {(pod.name, c["image"]) for pod in render(overlay).pods() for c in pod.containers}
    stable = {image for name, image in by_pod if name in {*SERVICES, "secrets", "worker", "rotate"}}
    canary = {image for name, image in by_pod if name in SLICE}
    assert len(stable) == 1, "one entry under `images` covers roles, migration and Job"
    assert len(canary) == (1 if has_canary(overlay) else 0), "and another the canary"
    assert all(image.startswith(("bookmeup:", "bookmeup@")) for image in stable | canary)
    theirs = {cluster["spec"]["imageName"] for cluster in render(overlay).all("Cluster")}
    for image in theirs | {image for _, image in by_pod}:
        assert re.search(r":\d+\.\d+|@sha256:[0-9a-f]{64}$", image), f"{image} has no version"
    assert all(c["imagePullPolicy"] == "IfNotPresent" for pod in render(overlay).pods() for c in pod.containers)


def test_dev_runs_what_make_image_builds_here() -> None:
    (image,) = {pod.main[0]["image"] for pod in render("dev").pods() if pod.name in SERVICES}
    assert image == f"bookmeup:{VERSION}"


@EVERYWHERE
def test_no_secret_outside_dev(overlay: str) -> None:
    rendering = render(overlay)
    kind = "ExternalSecret" if has(overlay, "external-secrets") else "Secret"
    (secret,) = rendering.all("Secret") + rendering.all("ExternalSecret")
    assert (secret["kind"], secret["metadata"]["name"]) == (kind, "bookmeup-secrets"), "no hash: edited where it is"
    values = {**secret.get("data", {}), **secret.get("stringData", {})} if kind == "Secret" else {}
    if overlay == "dev":
        assert all(len(value) >= 32 and "dev-only" in value for key, value in values.items() if key != "POSTGRES_USER")
    else:
        assert values == {}
        assert "dev-only" not in text(overlay)
    plain = {e["name"] for p in rendering.pods() for c in p.containers for e in c.get("env", []) if "value" in e}
    for name in plain | set(rendering.config()):
        assert not re.search("PASSWORD|SECRET|_KEY", name)


@EVERYWHERE
def test_the_configuration_rolls_the_pods(overlay: str) -> None:
    rendering = render(overlay)
    for name in ours(overlay):
        for container in rendering.pod(name).containers:
            (source,) = container["envFrom"]
            assert re.fullmatch(r"bookmeup-config-[a-z0-9]{10}", source["configMapRef"]["name"])
            assert rendering.one("ConfigMap", source["configMapRef"]["name"])
    for pod in rendering.pods():
        if pod.name == "secrets":
            assert "bookmeup-config" not in yaml.safe_dump(pod.spec), "a Job's template cannot change"


@EVERYWHERE
def test_replicas_and_environment(overlay: str) -> None:
    rendering = render(overlay)
    counts = {d["metadata"]["name"]: d["spec"].get("replicas") for d in rendering.all("Deployment")}
    each = None if has(overlay, "hpa") else 1 if overlay == "dev" else 2
    expected = dict.fromkeys(SERVICES, each) | {"adminer": 1}
    expected |= {} if has(overlay, "cloudnative-pg") else {"postgres": 1}
    expected |= {"worker": 2} if has(overlay, "worker") else {}
    expected |= dict.fromkeys(SLICE, 1) if has_canary(overlay) else {}
    assert counts == expected
    config = rendering.config()
    assert config["ENVIRONMENT"] == ENVIRONMENTS[environment(overlay)]
    assert config["LOG_LEVEL"] == ("debug" if overlay == "dev" else "info")
    assert "RATE_LIMITS" not in config


def test_staging_is_prod_but_for_names() -> None:
    staging, prod = text("staging"), text("prod")
    hashed = re.compile(r"bookmeup-config-[a-z0-9]{10}")
    host = "  - host: staging.bookmeup.localhost\n    http:"
    alike = (
        hashed.sub("CONFIG", staging)
        .replace(host, "  - http:")
        .replace("ENVIRONMENT: staging", "ENVIRONMENT: production")
    )
    assert alike.replace("bookmeup-staging", "bookmeup") == hashed.sub("CONFIG", prod)


@EVERYWHERE
def test_the_job_may_fill_in_one_secret_and_no_more(overlay: str) -> None:
    rendering = render(overlay)
    rules = {role["metadata"]["name"]: role["rules"] for role in rendering.all("Role")}
    secret = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["bookmeup-secrets"]}
    generated = overlay != "dev" and not has(overlay, "external-secrets")
    assert rules.pop("secrets", None) == ([{**secret, "verbs": ["get", "patch"]}] if generated else None)
    assert set(rules) == ({"rotation"} if has(overlay, "rotation") else set())
    for job in rendering.all("Job"):
        assert (job["spec"]["ttlSecondsAfterFinished"], job["spec"]["activeDeadlineSeconds"]) == (60, 300)


def test_dev_keeps_its_data_in_a_folder_of_the_node() -> None:
    rendering = render("dev")
    (volume,) = rendering.all("PersistentVolume")
    claim = rendering.one("PersistentVolumeClaim", "postgres-pvc")["spec"]
    assert volume["spec"]["hostPath"]["path"] == "/mnt/data"
    assert (claim["volumeName"], claim["storageClassName"]) == ("postgres-pv", "")
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


def test_a_patch_that_meets_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "thing.yaml").write_text("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: one}\n")
    (tmp_path / "patch.yaml").write_text("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: other}\n")
    (tmp_path / "kustomization.yaml").write_text("resources: [thing.yaml]\npatches: [{path: patch.yaml}]\n")
    result = kustomize(".", tmp_path)
    assert result.returncode != 0
    assert "no matches for Id" in result.stderr
