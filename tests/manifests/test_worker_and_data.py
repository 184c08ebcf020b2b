"""What the components worker, backup, external-secrets and cloudnative-pg add to prod, and what they leave alone."""

from tests.manifests import combinations
from tests.manifests.combinations import COMBINATIONS
from tests.manifests.rendering import SERVICES, Object, Rendering, render

DATABASE_KEYS = {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_NEXT"}
JOBS = ("backup", "backup-drill", "restore")


def keys(container: Object, *, needed: bool = False) -> set[str]:
    """Return the keys of the Secret that it reads, or those alone that it cannot do without."""
    refs = [e["valueFrom"]["secretKeyRef"] for e in container.get("env", []) if "valueFrom" in e]
    return {ref["key"] for ref in refs if not (needed and ref.get("optional"))}


def plain(container: Object) -> dict[str, str]:
    return {e["name"]: e["value"] for e in container.get("env", []) if "value" in e}


def named(rendering: Rendering) -> set[tuple[str, str]]:
    return {(thing["kind"], thing["metadata"]["name"]) for thing in rendering.objects if thing["kind"] != "ConfigMap"}


def test_every_overlay_is_among_the_combinations() -> None:
    overlays = {path.name for path in (combinations.ROOT / "kustomize" / "overlays").iterdir()}
    assert {name for name in COMBINATIONS if "+" not in name} == overlays


def test_the_worker_is_the_same_image_and_works_the_outbox_in_db_s_place() -> None:
    rendering = render("prod+worker")
    (worker,) = rendering.pod("worker").main
    (db,) = rendering.pod("db-service").main
    assert worker["image"] == db["image"] != "bookmeup"
    assert worker["envFrom"] == db["envFrom"]
    assert rendering.config()["OUTBOX"] == "off"
    assert "OUTBOX" not in render("prod").config()
    assert plain(worker)["ROLE"] == "worker"
    assert keys(worker) == DATABASE_KEYS
    assert not [s for s in rendering.all("Service") if s["spec"]["selector"]["app"] == "worker"]


def test_dumps_are_made_nightly_and_tried_weekly() -> None:
    rendering = render("prod+backup")
    jobs = {job["metadata"]["name"]: job["spec"] for job in rendering.all("CronJob")}
    schedules = {name: spec["schedule"].split() for name, spec in jobs.items()}
    assert schedules["backup"][2:] == ["*", "*", "*"]
    assert schedules["backup-drill"][2:] == ["*", "*", "0"]
    assert schedules["backup"][1] != schedules["backup-drill"][1], "the claim is mounted on one node at a time"
    assert [name for name, spec in jobs.items() if spec.get("suspend")] == ["restore"]
    for spec in jobs.values():
        assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Etc/UTC")
        assert spec["jobTemplate"]["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == 999


def test_a_dump_s_parts_know_the_database_and_the_drill_knows_no_secret() -> None:
    rendering = render("prod+backup")
    server = rendering.pod("postgres").main[0]["image"]
    given = {(p.name, c["name"]): keys(c) for p in rendering.pods() for c in p.containers if p.name in JOBS}
    assert given == {
        ("backup", "dump"): DATABASE_KEYS,
        ("backup", "elsewhere"): set(),
        ("backup-drill", "drill"): set(),
        ("restore", "restore"): DATABASE_KEYS,
    }
    for name in JOBS:
        assert {container["image"] for container in rendering.pod(name).containers} == {server}


def test_external_secrets_replaces_all_that_generated_secrets_brings() -> None:
    rendering = render("prod+external-secrets")
    gone = {(kind, "secrets") for kind in ("Job", "ServiceAccount", "Role", "RoleBinding", "NetworkPolicy")}
    assert named(render("prod")) - named(rendering) == gone | {("Secret", "bookmeup-secrets")}
    external = rendering.one("ExternalSecret", "bookmeup-secrets")["spec"]
    asked = {key for pod in rendering.pods() for container in pod.containers for key in keys(container, needed=True)}
    assert {entry["secretKey"] for entry in external["data"]} == asked
    assert external["target"]["name"] == "bookmeup-secrets"


def test_cloudnative_pg_takes_the_server_s_place() -> None:
    rendering = render("prod+cloudnative-pg")
    gone = {("Deployment", "postgres"), ("Service", "postgres"), ("ServiceAccount", "postgres")}
    assert named(render("prod")) - named(rendering) == gone | {("PersistentVolumeClaim", "postgres-pvc")}
    for container in rendering.pod("db-service").containers:
        assert plain(container)["POSTGRES_HOST"] == "postgres-rw"
        refs = {e["name"]: e["valueFrom"]["secretKeyRef"] for e in container["env"] if "valueFrom" in e}
        assert refs["POSTGRES_USER"] == {"name": "postgres-app", "key": "username"}
        assert refs["POSTGRES_PASSWORD"] == {"name": "postgres-app", "key": "password"}
    cluster = rendering.one("Cluster", "postgres")["spec"]
    assert cluster["bootstrap"]["initdb"]["database"] == plain(rendering.pod("db-service").main[0])["POSTGRES_DB"]
    assert {p.name for p in rendering.pods()} == {*SERVICES, "adminer", "secrets"}


def test_everybody_who_asks_the_database_is_led_to_the_operator_s() -> None:
    rendering = render("prod+backup+worker+cloudnative-pg")
    assert ("Service", "postgres") not in named(rendering)
    told = {
        (pod.name, container["name"]): (plain(container).get("POSTGRES_HOST") or plain(container).get("PGHOST"))
        for pod in rendering.pods()
        for container in pod.containers
        if {"POSTGRES_HOST", "PGHOST"} & set(plain(container))
    }
    assert set(told.values()) == {"postgres-rw"}
    assert {name for name, _ in told} == {"db-service", "worker", "backup", "restore"}
    assert {"POSTGRES_USER", "POSTGRES_PASSWORD"}.isdisjoint(
        k for p in rendering.pods() for c in p.containers for k in keys(c)
    )
